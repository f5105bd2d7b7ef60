"""Runs the programs of a build folder in turn and prints what they cost, as Markdown.

A cost is the least of several runs: CPU seconds (user and system, as `getrusage` counts them) and peak memory. The
programs take turns, so that a busy moment of the machine strikes all of them alike. Standard library only.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

SIZES = [1_000, 10_000, 100_000, 1_000_000]
SHAPES = ["list", "pattern"]

TEN_LINES = """\
tag:
  colo:
    east: [ "web[01-04]" ]
    west: [ "web[05-08]" ]
sequence:
  - $colo.east
  - $colo.west
constraint:
  $colo: { max_parallel: 1 }
job: { command: uptime }
"""


def once(command):
    """CPU seconds and peak bytes of one run. Spawned and not forked, which would count copying this program's pages."""
    nowhere = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=nowhere)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def least(commands, rounds):
    """For each command the least CPU seconds and the least peak of `rounds` runs, taken in turn."""
    runs = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(once(command))
    return {name: (min(cpu for cpu, _ in all), min(peak for _, peak in all)) for name, all in runs.items()}


def milliseconds(seconds):
    return f"{seconds * 1000:,.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def megabytes(peak):
    # A process starts with the peak of the one that spawned it: what is not above this program's own is not known.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return f"{peak / 1e6:,.0f}" if peak > own else f"< {own / 1e6:,.0f}"


def verdict(value, target):
    return "yes" if value <= target else "**no**"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the folder with the programs")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="no specs of more hosts than this")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program on each spec")
    return parser.parse_args()


def main():
    options = arguments()
    pogo = os.path.join(options.build, "pogo")
    examples = os.path.join(options.build, "examples")
    # Nothing of the user's configuration takes part.
    os.environ["XDG_CONFIG_HOME"] = os.devnull
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        ten = os.path.join(folder, "ten.cfg")
        with open(ten, "w") as file:
            file.write(TEN_LINES)
        plan = os.path.join(folder, "plan.json")

        def commands(spec):
            return {
                "yaml": [os.path.join(examples, "yaml_events"), spec],
                "check": [pogo, "check", spec],
                "compile": [pogo, "compile", spec, "-o", plan],
            }

        # A few milliseconds are counted in ticks of the clock: more runs.
        small = least(commands(ten) | {"version": [pogo, "--version"]}, 10 * options.rounds)
        for shape in SHAPES:
            for n_hosts in [size for size in SIZES if size <= options.most]:
                spec = os.path.join(folder, f"{shape}-{n_hosts}.cfg")
                with open(spec, "wb") as file:
                    subprocess.run([os.path.join(examples, "generate"), str(n_hosts), shape], stdout=file, check=True)
                rounds = options.rounds if n_hosts > 10_000 else 4 * options.rounds
                costs[shape, n_hosts] = least(commands(spec), rounds)
                os.remove(spec)
    print_costs(small, costs)
    print()
    print_targets(small, costs)


def print_costs(small, costs):
    print("| spec | YAML ms | check ms | compile ms | check : YAML | compile : check | check MB | compile MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    rows = [("ten lines", small)] + [(f"{n_hosts:,} hosts, {shape}", cost) for (shape, n_hosts), cost in costs.items()]
    for name, cost in rows:
        yaml, check, compiled = cost["yaml"], cost["check"], cost["compile"]
        print(
            f"| {name} | {milliseconds(yaml[0])} | {milliseconds(check[0])} | {milliseconds(compiled[0])} "
            f"| {check[0] / yaml[0]:.2f} | {compiled[0] / check[0]:.2f} "
            f"| {megabytes(check[1])} | {megabytes(compiled[1])} |"
        )


def print_targets(small, costs):
    print("| target | measured | reached |")
    print("| --- | ---: | --- |")

    def row(name, value, target, shown):
        print(f"| {name} | {shown} | {verdict(value, target)} |")

    check = small["check"][0]
    row("`check` of ten lines: under 5 ms of CPU", check, 0.005, f"{milliseconds(check)} ms")
    most = costs.get(("list", SIZES[-1]))
    if most is None:
        return
    ratio = most["check"][0] / most["yaml"][0]
    row("`check` of a million listed hosts: at most 2.5 times the bare YAML events", ratio, 2.5, f"{ratio:.2f}")
    peak = most["check"][1]
    row("and at most 300 MB", peak, 300e6, f"{megabytes(peak)} MB")
    ratio = most["compile"][0] / most["check"][0]
    row("`compile` of them: at most twice `check`", ratio, 2, f"{ratio:.2f}")
    fewer = costs["list", 10_000]
    for verb in ["check", "compile"]:
        ratio = most[verb][0] / fewer[verb][0] / 100
        row(f"`{verb}`, per host at a million: at most twice that at 10,000", ratio, 2, f"{ratio:.2f}")


if __name__ == "__main__":
    main()
