#!/usr/bin/env bash
# Adds new records of a folder to the branch nightly-history, which holds records and nothing else.
#
#   keep_history.sh FOLDER      (in a checkout whose remote may be pushed to)
set -euo pipefail
folder=$1 branch=nightly-history
if ! compgen -G "$folder/*" > /dev/null; then
  echo "no record tonight: $folder is empty"
  exit 0
fi
place=$(mktemp -d)
trap 'git worktree remove --force "$place"' EXIT
if git fetch --quiet origin "$branch"; then
  git worktree add --quiet --detach "$place" FETCH_HEAD
else
  git worktree add --quiet --detach "$place"
  git -C "$place" switch --quiet --orphan "$branch-new"
fi
cp -R "$folder/." "$place"
git -C "$place" add --all
if git -C "$place" diff --cached --quiet; then
  exit 0 # all of it is known
fi
git -C "$place" -c user.name="nightly" -c user.email="nightly@users.noreply.github.com" \
  commit --quiet --message "The record of $(date --utc +%F)"
git -C "$place" push --quiet origin "HEAD:refs/heads/$branch"
