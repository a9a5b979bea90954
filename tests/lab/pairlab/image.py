"""Builds the one disk image both nodes start from, out of Debian's packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .settings import LAB, NODES, PACKAGES, ROOT_SIZE, SUITE, LabError, NotHere

# What the building machine needs: a program it is recognised by, and Debian's package that has it.
HOST_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "sfdisk": "fdisk",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "gpgv": "gpgv",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_HELPER = "/usr/lib/apt/apt-helper"


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def missing() -> list[str]:
    """What this machine lacks, a sentence each; packages that `build` would install begin with "package"."""
    faults = []
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        faults.append("the lab needs Linux on x86_64")
    if os.geteuid() != 0:
        faults.append("the lab needs root (to install packages and to make the image)")
    if not shutil.which("apt-get"):
        faults.append("the lab needs Debian: there is no apt-get here")
    faults += [f"package {package}" for package in missing_packages()]
    return faults


def missing_packages() -> list[str]:
    packages = [package for program, package in HOST_PROGRAMS.items() if not shutil.which(program)]
    if not KEYRING.exists():
        packages.append("debian-archive-keyring")
    return packages


def install_missing() -> None:
    """Installs what is missing with apt; NotHere when that is impossible here."""
    faults = [fault for fault in missing() if not fault.startswith("package ")]
    if faults:
        raise NotHere("; ".join(faults))
    packages = missing_packages()
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600", *packages]
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
        if done.returncode != 0 and command is install:
            raise NotHere(f"apt could not install {' '.join(packages)}: see above; is the package mirror reachable?")
    still = missing_packages()
    if still:
        raise NotHere(f"installed, and yet missing: {' '.join(still)}")


def build_image(target: Path) -> None:
    """Makes the folder `target` with root.img, vmlinuz, initrd.img and the keys, all of it or nothing.

    Raises NotHere when no package mirror can be reached, LabError when the build itself fails.
    """
    install_missing()
    mirror = find_mirror()
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        building.chmod(0o755)
        say(f"building {target} from {mirror} (takes some minutes)")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ccops-lab", "-f", str(building / "id_ed25519")])
        tree = building / "tree"
        bootstrap(tree, mirror, (building / "id_ed25519.pub").read_text().strip())
        for name in ("vmlinuz", "initrd.img"):
            newest = max((tree / "boot").glob(f"{name}-*"))
            shutil.copyfile(newest, building / name)
        for node in NODES:
            key = tree / f"etc/ssh/lab-{node}/ssh_host_ed25519_key.pub"
            shutil.copyfile(key, building / f"host{node}.pub")
        run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(tree), str(building / "root.img"), ROOT_SIZE])
        remove_tree(tree)
        sync(building)
        building.rename(target)
    finally:
        if building.exists():
            remove_tree(building)
    say(f"built {target}")


def bootstrap(tree: Path, mirror: str, key: str) -> None:
    """Installs Debian into `tree`."""
    line = f"deb [signed-by={KEYRING}] {mirror} {SUITE} main"
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--aptopt={option}" for option in host_apt_options()]
    command += ['--aptopt=Acquire::Retries "5"', "--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io"]
    command += [
        f'--customize-hook=cp -R --no-preserve=ownership {quote(LAB / "overlay")}/. "$1"/',
        f'--customize-hook=cp {quote(LAB / "configure-image")} "$1"/configure-image',
        f'--customize-hook=chroot "$1" sh /configure-image {quote(key)}',
        '--customize-hook=rm "$1"/configure-image',
        SUITE,
        str(tree),
        line,
    ]
    output = run(command, show=True)
    if not (tree / "srv/data/mysql/data").is_dir():
        raise LabError(f"mmdebstrap ended well and left no system:\n{output[-2000:]}")


def find_mirror() -> str:
    """The first mirror that has the suite: CCOPS_LAB_MIRROR when it is set, then those of this machine's apt."""
    named = os.environ.get("CCOPS_LAB_MIRROR")
    candidates = [*([named.rstrip("/")] if named else []), *apt_mirrors()]
    tried = []
    for mirror in dict.fromkeys(candidates):
        with tempfile.TemporaryDirectory() as folder:
            probe = [APT_HELPER, "-o", "Acquire::Retries=3", "download-file"]
            probe += [f"{mirror}/dists/{SUITE}/InRelease", f"{folder}/InRelease"]
            done = subprocess.run(probe, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode == 0:
                return mirror
            tried.append(f"  {mirror}: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}")
    reasons = "\n".join(tried) or "  this machine's apt names none"
    advice = "set CCOPS_LAB_MIRROR to the address of one that has it"
    raise NotHere(f"NO PACKAGE MIRROR with Debian {SUITE} can be reached ({advice}):\n{reasons}")


def apt_mirrors() -> list[str]:
    """Debian's archive as this machine's apt has it, from one-line and deb822 sources alike."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)\t$(LABEL)\t$(COMPONENT)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = []
    for row in done.stdout.splitlines():
        uri, label, component = [*row.split("\t"), "", ""][:3]
        # The label is known once the lists were fetched; without lists Debian is told by its usual path.
        unknown = label in ("", "$(LABEL)")
        is_debian = label == "Debian" or (unknown and uri.rstrip("/").endswith("/debian"))
        if is_debian and component == "main" and re.match(r"https?://", uri):
            found.append(uri.rstrip("/"))
    return list(dict.fromkeys(found))


def host_apt_options() -> list[str]:
    """How this machine's apt fetches: proxies, certificates, tolerance for dates; nothing about its folders."""
    done = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False)
    wanted = re.compile(r"Acquire::(https?::|Check-Date|Check-Valid-Until|Max-FutureTime)\S* \"[^\"]+\";$")
    return [line.rstrip(";") for line in done.stdout.splitlines() if wanted.match(line)]


def sweep(cache: Path) -> None:
    """Removes what an interrupted build has left; the caller holds the lock, so nobody is building."""
    for leftover in cache.glob("building-*"):
        remove_tree(leftover)


def remove_tree(folder: Path) -> None:
    """Removes a half-built system, and never what might still be mounted inside it."""
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        place = line.split(" ")[1].encode().decode("unicode_escape")
        if place.startswith(f"{folder}/"):
            run(["umount", "--lazy", place])
    run(["rm", "-rf", "--one-file-system", str(folder)])


def run(command: list[str], *, show: bool = False) -> str:
    """Runs a command to its end and returns what it said; LabError, or NotHere if packages could not be fetched."""
    pipe = subprocess.PIPE
    lines = []
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if show:
                print(f"  {line.rstrip()}", file=sys.stderr, flush=True)
    output = "".join(lines)
    if process.returncode != 0:
        tail = "".join(lines[-15:])
        if re.search(r"Failed to fetch|Unable to fetch|Temporary failure resolving|Could not connect", output):
            raise NotHere(f"THE PACKAGE MIRROR could not be read to the end:\n{tail}")
        raise LabError(f"{command[0]} failed ({process.returncode}):\n{tail}")
    return output


def sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def quote(value: object) -> str:
    return "'" + str(value).replace("'", "'\\''") + "'"
