"""What was measured, as bench/results.json (for the next bench-quick) and bench/RESULTS.md (for people)."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

from rows import FETCHING, HIGHER_IS_BETTER, HOLDING, RECEIVING, TARGETS


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return ((done.stdout or done.stderr).strip().splitlines() or [""])[0].strip()


def load_average():
    return pathlib.Path("/proc/loadavg").read_text().split()[0]


def machine(build, place):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}, {int(memory[1]) / 2**20:.0f} GiB",
        "system": f"Linux {platform.release()}, {output('findmnt', '-n', '-o', 'FSTYPE', '-T', str(place))}",
        "date": datetime.date.today().isoformat(),
        "signatures": signatures(),
        "load_before": load_average(),
    }


def versions(build):
    """At the end of a run: by then packages that are needed have been fetched."""
    packages = {"Postfix": "postfix", "Dovecot": "dovecot-core", "OpenSMTPD": "opensmtpd", "popa3d": "popa3d"}
    found = [output(str(build / "smtpmail"), "--version"), output(os.environ.get("CC", "gcc"), "--version")]
    for name, package in packages.items():
        version = output("dpkg-query", "-W", "-f", "${Version}", package)
        archives = list((build / "bench/packages" / package).glob("*.deb"))
        if archives:
            version = archives[0].name.split("_")[1].replace("%3a", ":")
        found.append(f"{name} {version}" if version and "no packages" not in version else f"no {name}")
    return ", ".join(found)


def signatures():
    """Signatures a second of one core, with the kind of key that `postroom cert` makes."""
    done = subprocess.run(["openssl", "speed", "-seconds", "1", "ecdsap256"], capture_output=True, text=True)
    numbers = re.findall(r"ecdsa.*\s([\d.]+)\s+[\d.]+$", done.stdout, re.M)
    return float(numbers[-1]) if numbers else 0


def get(results, place):
    """The median at (row, server, metric), or None."""
    row, server, metric = place
    return results.get("rows", {}).get(row, {}).get(server, {}).get(metric, {}).get("median")


def best_of_others(results, place):
    row, ours, metric = place
    others = [get(results, (row, server, metric)) for server in results["rows"].get(row, {}) if server != ours]
    others = [value for value in others if value is not None]
    return (max if metric in HIGHER_IS_BETTER else min)(others, default=None)


def judge(results, target):
    """(what we have, what is wanted, reached), or None where something was not measured."""
    have = get(results, target.ours)
    other = 1 if target.other is None else best_of_others(results, target.ours) if target.other == "best" else get(results, target.other)
    if have is None or not other:
        return None
    wanted = target.factor * other
    return have, wanted, have <= wanted if target.at_most else have >= wanted


def missed(results):
    return [target for target in TARGETS if (found := judge(results, target)) and not found[2]]


def profiles():
    """PROFILES.md: a target's text → what stands under that heading."""
    parts = re.split(r"^## (.*)\n", (pathlib.Path(__file__).parent / "PROFILES.md").read_text(), flags=re.M)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2])))


def what_is_in_the_way(results):
    known = profiles()
    text = []
    for target in missed(results):
        text += [f"### {target.text}", "", known.get(target.text, "No profile was taken."), ""]
    return ["## Where a target is missed: what the profile shows", "", *text] if text else []


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(metric):
    return f"{number(metric['median'])} ({number(metric['low'])}–{number(metric['high'])})"


def table(head, lines):
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(line) + " |" for line in lines), ""]


def targets(results):
    lines = []
    for target in TARGETS:
        found = judge(results, target)
        if found is None:
            lines.append([target.text, "not measured", "", "", ""])
            continue
        have, wanted, reached = found
        ratio = f"{number(have / wanted * target.factor)} ×" if target.other else ""
        far = "reached" if reached else f"**not reached**: {have / wanted:.2f} × of what was wanted"
        lines.append([target.text, number(have), ratio, ("at most " if target.at_most else "") + number(wanted), far])
    return ["## Targets", "", *table(["target", "measured", "ratio", "wanted", ""], lines)]


def server_line(servers, name, ours, metric, columns):
    found = servers[name]
    if "failed" in found:
        return [name, f"failed: {found['failed']}", *[""] * (len(columns) + 1)]
    mine = servers.get(ours, {}).get(metric, {}).get("median")
    ratio = f"{found[metric]['median'] / mine:.2f}" if mine else ""
    return [name, spread(found[metric]), ratio, *(number(found[c]["median"]) if c in found else "" for c in columns)]


def rows_of(results, rows, ours, head, columns):
    text = []
    for row in rows:
        servers = results["rows"].get(row.key)
        if servers:
            metric = getattr(row, "metric", "rate")
            text += [f"### {row.title}", ""]
            text += table(["server", *head], [server_line(servers, name, ours, metric, columns) for name in servers])
    return text


def holding(results):
    lines = []
    for row in HOLDING:
        for name, found in results["rows"].get(row.key, {}).items():
            if "failed" in found:
                lines.append([row.title, name, f"failed: {found['failed']}", "", "", "", ""])
            else:
                lines.append([row.title, name, *(number(found[m]["median"]) for m in ("held", "base", "each", "p50", "worst"))])
    head = ["", "server", "held", "at rest, KiB", "each, KiB", "a new session, ms", "the slowest of 200, ms"]
    return ["## Idle connections", "", *table(head, lines)] if lines else []


def handshakes(results):
    """Sessions that each begin with a full handshake, beside the signatures that the machine can make."""
    signatures = results["machine"]["signatures"]
    lines = []
    for row, server, metric in ("tls-full", "smtpmail", "sessions"), ("logins-tls-full", "popserver", "rate"):
        rate, cpu, generator = (get(results, (row, server, name)) for name in (metric, "cpu", "generator_cpu"))
        if rate and signatures:
            lines.append([server, number(rate), *(f"{value * 1e3:,.0f}" for value in (cpu, generator)), f"{1e6 / signatures:,.0f}", f"{rate / signatures:.2f}"])
    head = ["", "full handshakes/s", "the server's CPU for a session, µs", "the client's", "a signature (`openssl speed`), µs", "of one core's signatures"]
    return ["## TLS handshakes", "", *table(head, lines)] if lines else []


def markdown(results):
    about = results["machine"]
    text = ["# Figures", "", "Written by `make bench`; [README.md](README.md) says what is measured and how. Medians, and the range of "
            f"{results['runs']} runs of {results['seconds']:g} seconds;", "sender and receiver share one machine.", ""]
    text += [f"- {about[part]}" for part in ("cpu", "system", "versions", "date")]
    text += [f"- load average {about['load_before']} before and {about['load_after']} after; one core signs {about['signatures']:,.0f} times a second "
             "(`openssl speed ecdsap256`)", ""]
    text += targets(results)
    text += what_is_in_the_way(results)
    text += ["## Receiving", "", *rows_of(results, RECEIVING, "smtpmail", ["mails/s", "to ours", "p50 ms", "p99 ms", "max ms", "CPU s/1,000", "syncs/mail"],
                                         ["p50", "p99", "worst", "cpu", "syncs"])]
    text += ["## Fetching", "", *rows_of(results, FETCHING, "popserver", ["", "to ours", "p50 ms", "p99 ms", "login ms", "QUIT ms", "MB/s", "CPU s/1,000"],
                                        ["p50", "p99", "login_ms", "quit_ms", "octets", "cpu"])]
    text += handshakes(results)
    text += holding(results)
    text += client(results)
    text += generators(results)
    plots = sorted(pathlib.Path(__file__).parent.glob("plots/*.svg"))
    text += ["## Growth", "", *(f"![{plot.stem}](plots/{plot.name})" for plot in plots), ""] if plots else []
    return "\n".join(text).rstrip() + "\n"


def client(results):
    """Its list, and 100 MiB that it sends."""
    rows = results["rows"]
    loopback = get(results, ("client-send", "loopback", "octets"))
    if not loopback:
        return []
    lines = [[name, spread({part: value / 1e6 for part, value in found["octets"].items()}), f"{found['octets']['median'] / loopback:.2f}"]
             for name, found in rows["client-send"].items()]
    listed = spread(rows["client-list"]["mailclient"]["seconds"])
    return ["## The client", "", f"A list of 10,000 mails: {listed} seconds. Sending 100 MiB:", "", *table(["", "MB/s", "of the loopback's"], lines)]


def generators(results):
    found = results["rows"].get("generators")
    if not found:
        return []
    lines = [[name, f"failed: {metrics['failed']}", "", "", ""] if "failed" in metrics else [name, *(number(value["median"]) for value in metrics.values())]
             for name, metrics in found.items()]
    return ["## The generators beside others", "", *table(["against", "ours, a second", "theirs, a second", "ours / theirs", "the server's CPU for a mail or session, ours / theirs"], lines)]


def compare(results, last):
    """bench-quick: how each ratio to smtp-sink has changed."""
    unit, last_unit = (get(some, ("50x20", "smtp-sink", "rate")) for some in (results, last))
    print(f"\n{'':28} {'now':>12} {'of sink':>9} {'last':>9} {'change':>8}")
    for row, servers in results["rows"].items():
        ours = "smtpmail" if "smtpmail" in servers else "popserver"
        metric = next((r.metric for r in FETCHING if r.key == row), "rate")
        now, before = get(results, (row, ours, metric)), get(last, (row, ours, metric))
        beside = get(results, (row, "smtp-sink", "rate")) or unit
        last_beside = get(last, (row, "smtp-sink", "rate")) or last_unit
        if not now or not beside:
            continue
        ratio = now / beside
        then = before / last_beside if before and last_beside else None
        print(f"{row:28} {now:12,.0f} {ratio:9.3f} " + (f"{then:9.3f} {ratio / then - 1:+8.0%}" if then else f"{'–':>9}"))
