"""A headless chromium, driven by the DevTools protocol over a pipe: no driver, no package."""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time

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

    def open(self, path, width=1024, height=900, *, scheme="light", scale=1):
        """Show a file in a window of so many pixels, and wait until it has loaded."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip
        self.scheme(scheme)
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def scheme(self, name, media=""):
        """Prefer light or dark, on the screen or on paper."""
        wanted = [{"name": "prefers-color-scheme", "value": name}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=wanted)

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

    def picture(self, path, *, whole=False):
        """Write what is seen, or the whole page, as PNG."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self, path):
        """Write the page as PDF."""
        printed = self.ask(
            "Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69
        )
        path.write_bytes(base64.b64decode(printed["data"]))

    def close(self):
        """End it."""
        self.ask("Browser.close") if self.process.poll() is None else None
        self.process.wait(PATIENCE)
        os.close(self._to)
        os.close(self._from)
