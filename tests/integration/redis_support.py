"""Real Redis servers for the tests: started on a free port, watched, ended. And enough of RESP to look
into them behind cicada's back."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from cicada_support import Failure


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed():
    return shutil.which("redis-server") is not None and shutil.which("openssl") is not None


def read_reply(file):
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise Failure(f"the server closed: {line!r}")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        return Failure(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else file.read(int(rest) + 2)[:-2].decode()
    if kind == b"*":
        return None if rest == b"-1" else [read_reply(file) for _ in range(int(rest))]
    return rest.decode()


class RedisServer:
    """`with RedisServer("--requirepass", "x") as server`. plain=False: no TCP port but that of TLS."""

    def __init__(self, *arguments, plain=True, password=None, user=None):
        self.folder = tempfile.TemporaryDirectory(prefix="cicada-redis-")
        self.port = free_port()
        self.socket = os.path.join(self.folder.name, "redis.sock")
        self.password = password
        self.user = user
        self.arguments = list(arguments)
        self.plain = plain
        self.process = None

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port if self.plain else 0),
             "--unixsocket", self.socket, "--dir", self.folder.name, "--save", "", "--appendonly", "no",
             "--loglevel", "warning", *self.arguments],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                self.command("PING")
                return
            except (OSError, Failure) as problem:
                if any(word in str(problem) for word in ("NOAUTH", "NOPERM", "ERR AUTH")):
                    return  # it answers
                if time.monotonic() > until or self.process.poll() is not None:
                    self.stop()
                    raise Failure(f"redis-server does not start: {problem}")
                time.sleep(0.02)

    def stop(self, kill=False):
        if self.process is None:
            return
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(30)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()
        self.folder.cleanup()

    def commands(self, *commands):
        """The replies to several commands on one connection; an error reply is raised."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(10)
            peer.connect(self.socket)
            with peer.makefile("rb") as file:
                replies = []
                if self.password:
                    commands = (["AUTH", *([self.user] if self.user else []), self.password], *commands)
                for words in commands:
                    data = b"*%d\r\n" % len(words)
                    for word in words:
                        encoded = str(word).encode()
                        data += b"$%d\r\n%s\r\n" % (len(encoded), encoded)
                    peer.sendall(data)
                    reply = read_reply(file)
                    if isinstance(reply, Failure):
                        raise reply
                    replies.append(reply)
                return replies[1:] if self.password else replies

    def command(self, *words):
        return self.commands(list(words))[0]

    def keys(self, database=0):
        return self.commands(["SELECT", database], ["KEYS", "*"])[1]

    def url(self, rest=""):
        return f"redis://127.0.0.1:{self.port}{rest}"

    def make_certificates(self):
        """A CA, and a certificate for 127.0.0.1 and localhost signed by it."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, cwd=self.folder.name, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt",
                "-days", "2", "-subj", "/CN=a test")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
                "-subj", "/CN=localhost")
        with open(self.path("names"), "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "server.crt", "-days", "2", "-extfile", "names")
