"""Runs a command on many host names by ssh, with pogo and with `xargs -P N ssh`, side by side, and prints what each costs.

All names are one listening sshd on loopback with keys and a configuration of its own. The programs take turns, and of each
the best of several rounds counts, so that a busy moment of the machine strikes all of them alike. The cost of a client is
the CPU time, user and system, of it and of every process that it started: this program makes itself the one to whom
orphans fall, so a connection in the background is counted too. Memory is the peak of the sum of the proportional sets of
all its processes, taken in runs of their own, because looking takes time. Standard library only.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
KEX = {"default": "", "curve25519": "KexAlgorithms curve25519-sha256\n"}
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

# What the targets of the project ask: at least so much of xargs' hosts a second, at most so much of its CPU time a host.
TARGETS = {"default": (0.95, 1.05), "curve25519": (0.8, 1.3)}
MEMORY_TARGET = 1.2
FURTHER_TARGET = 0.003


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the folder with the program")
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--fanout", type=int, default=64, help="both run so many at once; the default is that of pogo")
    parser.add_argument("--connecting", type=int, help="pogo's --max-connecting; the default is that of pogo")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program with each key exchange")
    parser.add_argument("--further", type=int, default=40, help="further commands on an open connection")
    parser.add_argument("--kex", choices=sorted(KEX), action="append", help="only this key exchange")
    parser.add_argument("--linear", action="store_true", help="also 1,000 hosts")
    return parser.parse_args()


class Farm:
    """A listening server, and a client's configuration that leads every name to it."""

    def __init__(self, folder, kex):
        self.folder = folder
        self.kex = kex
        os.chmod(folder, 0o755)
        for key in ["host_key", "user_key"]:
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(key)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        os.mkdir(self.path("home"))
        server = (
            f"{kex}ListenAddress 127.0.0.1:{self.port}\nHostKey {self.path('host_key')}\n"
            f"AuthorizedKeysFile {self.path('user_key.pub')}\nSetEnv HOME={self.path('home')}\n"
            "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPrintMotd no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 5000\nMaxSessions 100\n"
        )
        self.write("sshd_config", server)
        with open(self.path("host_key.pub")) as file:
            self.write("known_hosts", "* " + " ".join(file.read().split()[:2]) + "\n")
        client = (
            f"{kex}Host *\n  HostName 127.0.0.1\n  Port {self.port}\n  IdentityFile {self.path('user_key')}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.path('known_hosts')}\n"
            "  GlobalKnownHostsFile /dev/null\n  BatchMode yes\n"
        )
        self.write("ssh_config", client)
        self.server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", self.path("sshd_config")],
            stdin=subprocess.DEVNULL, stderr=open(self.path("sshd.log"), "w"),
        )
        self.wait()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        with open(self.path("sshd.log")) as log:
            sys.exit(f"sshd does not come up: {log.read()}")

    def close(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait()


def xargs(farm, options, hosts):
    """The plain tool: a process of ssh for each host."""
    with open(farm.path("hosts"), "w") as file:
        file.writelines(f"{host}\n" for host in hosts)
    ssh = ["ssh", "-n", "-F", farm.path("ssh_config"), "{}", "true"]
    return ["xargs", "-a", farm.path("hosts"), "-P", str(options.fanout), "-I", "{}", *ssh]


def pogo(farm, options, hosts, job="", command="true"):
    spec = farm.path(f"spec-{len(hosts)}-{len(job)}.cfg")
    with open(spec, "w") as file:
        pattern = f"{hosts[0][:1]}[{hosts[0][1:]}-{hosts[-1][1:]}]"
        file.write(
            f"tag: {{all: ['{pattern}']}}\njob:\n  transport: ssh\n  ssh: {{config: '{farm.path('ssh_config')}'}}\n"
            f"  connect_timeout: 2m\n  command: '{command}'\n{job}"
        )
    program = os.path.join(options.build, "pogo")
    limits = ["--fanout", str(options.fanout)]
    if options.connecting:
        limits += ["--max-connecting", str(options.connecting)]
    return [program, "apply", spec, "--quiet", *limits]


def names(count):
    # All have the same number of digits.
    return [f"h{number}" for number in range(1_000, 1_000 + count)]


def measured(command, folder, memory=False):
    """Seconds, CPU seconds and peak bytes of a run with all its processes, measured by a process of its own."""
    into = os.path.join(folder, "measured")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with open(into, "w") as file:
                json.dump(measure(command, folder, memory), file)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        sys.exit("the measuring process failed")
    with open(into) as file:
        result = json.load(file)
    if result["status"] != 0:
        with open(os.path.join(folder, "client.log")) as log:
            text = log.read()
        sys.exit(f"{' '.join(command)}: status {result['status']}\n{text[-4000:]}")
    return result


def measure(command, folder, memory):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": os.path.join(folder, "run")}
    os.makedirs(environment["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)
    begin = time.monotonic()
    with open(os.path.join(folder, "client.log"), "w") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=folder
        )
    peak = 0
    if memory:
        while child.poll() is None:
            peak = max(peak, tree_bytes(os.getpid()))
            time.sleep(0.02)
    status = child.wait()
    seconds = time.monotonic() - begin
    # What stays in the background for a moment is part of the cost.
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    after = time.monotonic() - begin - seconds
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"status": status, "seconds": seconds, "after": after, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak}


def tree_bytes(root):
    """The proportional set sizes of all processes below `root`."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
    total = 0
    for pid in parents:
        at = pid
        while at in parents and at != root:
            at = parents[at]
        if at == root and pid != root:
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
            except OSError:
                continue
    return total


def verdict(good):
    return "yes" if good else "**no**"


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def compare(farm, kex, options, targets):
    hosts = names(options.hosts)
    commands = {"xargs ssh": xargs(farm, options, hosts), "pogo": pogo(farm, options, hosts)}
    runs = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            runs[name].append(measured(command, farm.folder))
    memory = {name: measured(command, farm.folder, memory=True)["peak"] for name, command in commands.items()}
    rate = {name: options.hosts / min(run["seconds"] for run in all) for name, all in runs.items()}
    cost = {name: min(run["cpu"] for run in all) / options.hosts for name, all in runs.items()}
    for name in commands:
        row(kex, name, f"{rate[name]:.1f}", f"{cost[name] * 1000:.1f}", f"{memory[name] / 1e6:.0f}")
    least, most = TARGETS[kex]
    speed = rate["pogo"] / rate["xargs ssh"]
    cpu = cost["pogo"] / cost["xargs ssh"]
    size = memory["pogo"] / memory["xargs ssh"]
    targets.append((f"{kex} key exchange: at least {least} of the hosts a second", f"{speed:.2f}", speed >= least))
    targets.append((f"{kex} key exchange: at most {most} times the client CPU a host", f"{cpu:.2f}", cpu <= most))
    targets.append((f"{kex} key exchange: at most {MEMORY_TARGET} times the memory", f"{size:.2f}", size <= MEMORY_TARGET))


def further(farm, options, targets):
    """What one more command costs: attempts that fail until the last, less those that succeed at once."""
    hosts = names(10)
    count = options.further
    retry = f"  retry: {{attempts: {count}, backoff: 1ms, max_backoff: 1ms, retry_on: [exit]}}\n"
    last = f"[ $POGO_ATTEMPT -gt {count} ]"
    few, many = pogo(farm, options, hosts), pogo(farm, options, hosts, retry, last)
    least = {}
    for _ in range(options.rounds):
        for name, command in [("few", few), ("many", many)]:
            cpu = measured(command, farm.folder)["cpu"]
            least[name] = min(cpu, least.get(name, cpu))
    each = (least["many"] - least["few"]) / count / len(hosts)
    targets.append(("a further command on an open connection: at most 3 ms of client CPU", f"{each * 1000:.1f} ms", each <= FURTHER_TARGET))


def linear(farm, options, targets):
    cost = {}
    for count in [200, 1_000]:
        run = measured(pogo(farm, options, names(count)), farm.folder)
        cost[count] = run["cpu"] / count, count / run["seconds"]
    cpu = cost[1_000][0] / cost[200][0]
    rate = cost[1_000][1] / cost[200][1]
    targets.append(("1,000 hosts: the client CPU a host of 200", f"{cpu:.2f}", cpu <= 1.1))
    targets.append(("1,000 hosts: the hosts a second of 200", f"{rate:.2f}", rate >= 0.9))


def main():
    options = arguments()
    options.build = os.path.abspath(options.build)
    targets = []
    row("key exchange", "client", "hosts a second", "CPU ms a host", "MB")
    row("---", "---", "---:", "---:", "---:")
    for kex in options.kex or sorted(KEX, reverse=True):
        with tempfile.TemporaryDirectory(prefix="pogo-bench-") as folder:
            farm = Farm(folder, KEX[kex])
            try:
                compare(farm, kex, options, targets)
                if kex == "default" and options.linear:
                    linear(farm, options, targets)
                # Here, because the connections themselves cost least.
                if kex == "curve25519":
                    further(farm, options, targets)
            finally:
                farm.close()
    print()
    row("target", "measured", "reached")
    row("---", "---:", "---")
    for name, value, good in targets:
        row(name, value, verdict(good))


if __name__ == "__main__":
    main()
