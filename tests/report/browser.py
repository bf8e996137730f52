"""A headless chromium, driven by the DevTools protocol over a pipe: no driver, no package.

    python -m tests.report.browser PAGE FOLDER

writes pictures of a page at three widths, light and dark, and a print of it.
"""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
WITHOUT = "no browser is installed (Debian: apt-get install chromium)"
QUIET = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe",
]  # fmt: skip
PATIENCE = 60
"""Seconds that an answer may take: a machine may be busy."""


class Browser:
    """One running browser with one tab. What its console says is kept in ``complaints``."""

    def __init__(self, folder):
        """Start it, with a profile of its own in ``folder``."""
        ours, theirs = os.pipe(), os.pipe()
        # The protocol's ends are the descriptors 3 and 4; kept out of their way until then.
        reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1]))

        def connect():
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, *QUIET, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=connect, close_fds=False,
        )  # fmt: skip
        for end in (ours[0], theirs[1], reads, writes):
            os.close(end)
        self._to, self._from = ours[1], theirs[0]
        self._heard, self._numbers, self._session = b"", itertools.count(1), None
        self.complaints = []
        tab = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=tab, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """Send a command and return its answer; what the page says meanwhile is kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._hear()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _hear(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._heard:
            if not select.select([self._from], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError(f"browser: no answer in {PATIENCE} s")
            got = os.read(self._from, 1 << 20)
            if not got:
                raise RuntimeError("browser: it has ended")
            self._heard += got
        message, _, self._heard = self._heard.partition(b"\0")
        found = json.loads(message)
        self._note(found)
        return found

    def _note(self, found):
        said = found.get("params", {})
        if found.get("method") == "Runtime.exceptionThrown":
            thrown = said["exceptionDetails"]
            self.complaints.append(thrown.get("exception", {}).get("description", thrown["text"]))
        elif found.get("method") == "Log.entryAdded" and said["entry"]["level"] != "verbose":
            self.complaints.append(said["entry"]["text"])
        elif found.get("method") == "Runtime.consoleAPICalled":
            self.complaints += [str(one.get("value")) for one in said["args"]]

    def open(self, path, width=1024, *, scheme="light"):
        """Show a file in a window of so many pixels, and wait until it has loaded."""
        self.resize(width, scheme=scheme)
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def show(self, path):
        """Show a file, as it was left if it is what is shown already: drawing it takes seconds."""
        if self.run("location.href") == path.as_uri():
            self.resize(1024)
        else:
            self.open(path)

    def resize(self, width, height=900, *, scheme="light"):
        """Make the window so wide, of a reader who prefers light or dark."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self.scheme(scheme)

    def scheme(self, name):
        """Prefer light or dark."""
        wanted = [{"name": "prefers-color-scheme", "value": name}]
        self.ask("Emulation.setEmulatedMedia", features=wanted)

    def run(self, script):
        """Return the value of a script, awaited."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, script):
        """Wait until a script is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(script):
            if time.monotonic() > deadline:
                raise TimeoutError(f"browser: {script} did not come true in {PATIENCE} s")
            time.sleep(0.02)

    def picture(self, path):
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def paper(self, path):
        """Write the page as PDF, on A4."""
        printed = self.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(printed["data"]))

    def close(self):
        """End it."""
        if self.process.poll() is None:
            self.ask("Browser.close")
        self.process.wait(PATIENCE)
        os.close(self._to)
        os.close(self._from)


def main():
    """Write pictures of a page, light and dark, and a print of it, to be looked at."""
    page, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    browser = Browser(tempfile.mkdtemp())
    browser.open(page)
    browser.wait("window.Plotly !== undefined || !document.querySelector('.plot')")
    for width in (390, 1024, 1920):
        for scheme in ("light", "dark"):
            browser.resize(width, scheme=scheme)
            time.sleep(1)
            browser.picture(folder / f"{width}-{scheme}.png")
    browser.paper(folder / "page.pdf")
    browser.close()


if __name__ == "__main__":
    main()
