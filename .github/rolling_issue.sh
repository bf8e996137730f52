#!/usr/bin/env bash
# Keeps one issue for all red nights of a kind: the first opens it, the next ones edit it, a green one closes it.
#
#   rolling_issue.sh success|failure TITLE BODY_FILE      (needs gh, and GH_TOKEN with issues: write)
set -euo pipefail
result=$1 body=$3
export TITLE=$2
label=nightly
limit=60000 # characters; GitHub refuses bodies above 65,536

number=$(gh issue list --label "$label" --state open --limit 100 --json number,title \
  --jq 'map(select(.title == env.TITLE)) | .[0].number // empty')

if [ "$result" = success ]; then
  if [ -n "$number" ]; then
    gh issue close "$number" --comment "Green again: ${RUN_URL:-}"
  fi
  exit 0
fi

text=$(mktemp)
trap 'rm -f "$text"' EXIT
{
  echo "The last night was red: ${RUN_URL:-}. This text is of the last red night; a green one closes the issue."
  echo
  if [ -s "$body" ]; then
    head -c "$limit" "$body"
  else
    echo "There is no summary: the machine or the installation failed before the suites ended. The log says more."
  fi
} > "$text"

if [ -n "$number" ]; then
  gh issue edit "$number" --body-file "$text"
else
  gh label create "$label" --force --description "opened and closed by the nightly run"
  gh issue create --title "$TITLE" --label "$label" --body-file "$text"
fi
