"""SSH against a real server on loopback: logging in, running, forwarding, and what is said when it fails."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import time
from pathlib import Path

import asyncssh
import pytest

from ccops.config import NodeSettings
from ccops.links import forward, private
from ccops.links.errors import (
    AuthenticationFailed,
    HostKeyProblem,
    LinkError,
    LinkLost,
    NotListening,
    Refused,
    TimedOut,
    Unreachable,
)
from ccops.links.login import Target, parse_target
from ccops.links.ssh import SshConnection, connect, quote
from tests.links.ssh_server import Keys, Proxy, serve, until


@pytest.fixture
async def connection(keys: Keys, server: asyncssh.SSHAcceptor):
    made = await connect(keys.node(server.get_port()))
    yield made
    made.abort()
    await made.wait_closed()


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("node", Target("node")),
        ("root@node", Target("node", "root")),
        ("root@node:2222", Target("node", "root", 2222)),
        ("a@b@node", Target("node", "a@b")),
        ("[fe80::1%eth0]:22", Target("fe80::1%eth0", None, 22)),
        ("root@[::1]", Target("::1", "root")),
        ("::1", Target("::1")),
        ("ssh://root@node:22", Target("node", "root", 22)),
    ],
)
def test_target_is_taken_apart(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "root@-x", "a b", "node:99999", "node:x", "no\nde", "[::1", "@"]
)
def test_bad_target_is_an_error(text: str) -> None:
    with pytest.raises(LinkError, match="expected"):
        parse_target(text)


def test_quote_is_posix_and_refuses_what_no_program_can_get() -> None:
    assert quote(["echo", "a b", "$(x)", "'"]) == "echo 'a b' '$(x)' ''\"'\"''"
    with pytest.raises(Refused, match="NUL"):
        quote(["echo", "a\0b"])
    with pytest.raises(Refused, match="empty"):
        quote([])


async def test_run_returns_bytes_status_and_time(connection: SshConnection) -> None:
    done = await connection.run(
        ["sh", "-c", "cat; printf '\\377'; printf oops >&2; exit 3"], timeout_s=10, input=b"in "
    )
    assert (done.stdout, done.stderr, done.exit_status) == (b"in \xff", b"oops", 3)
    assert 0 <= done.took_s < 10


async def test_run_quotes_its_arguments(connection: SshConnection) -> None:
    hostile = "$(id); `id` 'x' \"y\" \\ \n *"
    done = await connection.run(["printf", "%s", hostile], timeout_s=10)
    assert done.stdout.decode() == hostile


async def test_run_gives_up_in_time_and_the_connection_lives(connection: SshConnection) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"`sleep` on node did not end within 0.2 s"):
        await connection.run(["sleep", "30"], timeout_s=0.2)
    assert time.monotonic() - began < 5
    assert (await connection.run(["echo", "alive"], timeout_s=10)).stdout == b"alive\n"


async def test_run_bounds_what_it_takes(connection: SshConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccops.links.process.OUTPUT_LIMIT", 1 << 20)
    with pytest.raises(Refused, match="printed more than 1 MiB"):
        await connection.run(
            ["sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"], timeout_s=30
        )


async def test_command_ended_by_a_signal_has_no_exit_status(connection: SshConnection) -> None:
    process = await connection.open_process("kill -9 $$")
    assert await process.wait() is None


async def test_process_streams_both_ways_and_unread_errors_do_not_stall_it(connection: SshConnection) -> None:
    process = await connection.open_process(
        "head -c 4000000 /dev/zero | tr '\\0' e >&2; echo tail >&2; while read x; do echo \"<$x>\"; done"
    )
    process.stdin.write(b"one\n")
    assert await asyncio.wait_for(process.stdout.read(), 20) == b"<one>\n"
    await until(lambda: process.stderr_tail.endswith(b"tail\n"))
    assert process.describe_stderr().endswith("tail")
    process.stdin.write_eof()
    assert await process.stdout.read() == b""
    assert await process.wait() == 0
    process.close()


async def test_forward_leads_to_a_port_and_is_shared(connection: SshConnection) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        await writer.drain()
        writer.close()

    far = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = far.sockets[0].getsockname()[1]
    path = await connection.forward_tcp("127.0.0.1", port)
    assert await connection.forward_tcp("127.0.0.1", port) == path
    assert await connection.forward_tcp("localhost", port) != path
    for name in (b"a\n", b"b\n"):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(name)
        assert await asyncio.wait_for(reader.read(), 10) == b"hello " + name
        writer.close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(os.fsencode(path)) <= private.SUN_PATH_LIMIT
    far.close()
    connection.abort()
    assert not path.exists()


async def test_forward_to_a_unix_socket(connection: SshConnection, tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"mysql")
        writer.close()

    far = await asyncio.start_unix_server(greet, str(tmp_path / "m.sock"))
    path = await connection.forward_socket(str(tmp_path / "m.sock"))
    reader, writer = await asyncio.open_unix_connection(str(path))
    assert await asyncio.wait_for(reader.read(), 10) == b"mysql"
    writer.close()
    far.close()


async def test_forward_to_nobody_says_so(connection: SshConnection) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = await connection.forward_tcp("127.0.0.1", port)
    reader, writer = await asyncio.open_unix_connection(str(path))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    found = forward.refusal(path)
    assert isinstance(found, NotListening)
    assert f"port {port}" in str(found)


async def test_forwarding_forbidden_by_sshd_is_named(keys: Keys) -> None:
    acceptor = await serve(keys, forwarding=False)
    keys.known_hosts(acceptor.get_port())
    made = await connect(keys.node(acceptor.get_port()))
    path = await made.forward_tcp("127.0.0.1", 5038)
    reader, writer = await asyncio.open_unix_connection(str(path))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert "AllowTcpForwarding" in str(forward.refusal(path))
    made.abort()
    acceptor.close()


async def test_unknown_host_key_says_what_to_do(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    port = server.get_port()
    empty = keys.folder / "none"
    with pytest.raises(HostKeyProblem) as caught:
        await connect(keys.node(port, known_hosts=str(empty)))
    text = str(caught.value)
    assert f"[127.0.0.1]:{port} is not known" in text
    assert keys.host_key.get_fingerprint() in text
    assert f"ssh://ops@127.0.0.1:{port}" in text
    assert f"UserKnownHostsFile={empty}" in text


async def test_changed_host_key_shows_both_fingerprints(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    port = server.get_port()
    other = asyncssh.generate_private_key("ssh-ed25519")
    keys.known_hosts(port, other)
    with pytest.raises(HostKeyProblem, match="HAS CHANGED") as caught:
        await connect(keys.node(port))
    text = str(caught.value)
    assert other.get_fingerprint() in text
    assert keys.host_key.get_fingerprint() in text
    assert f"ssh-keygen -R '[127.0.0.1]:{port}'" in text


async def test_host_key_of_another_type_than_known(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    port = server.get_port()
    keys.known_hosts(port, asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
    with pytest.raises(HostKeyProblem, match="ssh-keyscan -p"):
        await connect(keys.node(port))


async def test_configuration_cannot_switch_the_check_off(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    config = keys.folder / "lax"
    config.write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n")
    with pytest.raises(HostKeyProblem, match="is not known"):
        await connect(keys.node(server.get_port(), ssh_config=str(config), known_hosts=None))


async def test_garbage_in_known_hosts_is_passed_over(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    path = keys.known_hosts(server.get_port())
    path.write_bytes(b"@nonsense x y\n\xff\xfe\n|1|bad|x ssh-rsa AAAA\nlonely\n" + path.read_bytes())
    made = await connect(keys.node(server.get_port()))
    made.abort()


async def test_alias_of_ssh_config_through_a_jump(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    jump = await serve(keys)
    known = keys.known_hosts(server.get_port())
    known.write_text(known.read_text() + keys.known_hosts(jump.get_port()).read_text())
    config = keys.folder / "jumping"
    config.write_text(
        f"Host *\n  User ops\n  IdentityFile {keys.identity}\n  UserKnownHostsFile {known}\n  ProxyJump bastion\n"
        f"Host bastion\n  Hostname 127.0.0.1\n  Port {jump.get_port()}\n"
        f"Host voip1\n  Hostname 127.0.0.1\n  Port {server.get_port()}\n"
    )
    node = NodeSettings(name="elaxtix-voip", ssh="voip1", ssh_config=str(config))
    made = await connect(node)
    assert (await made.run(["echo", "through"], timeout_s=10)).stdout == b"through\n"
    made.abort()
    await made.wait_closed()
    known.write_text("")
    with pytest.raises(HostKeyProblem):
        await connect(node)
    jump.close()


async def test_refused_key_says_so_without_the_key(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    other = keys.folder / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(other))
    with pytest.raises(AuthenticationFailed, match="ssh-add"):
        await connect(keys.node(server.get_port(), identity=str(other)))


async def test_encrypted_identity_without_agent_is_refused_not_asked(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    locked = keys.folder / "locked"
    keys.user_key.write_private_key(str(locked), "pkcs8-pem", passphrase="not told")
    with pytest.raises(AuthenticationFailed):
        await connect(keys.node(server.get_port(), identity=str(locked)))


async def test_agent_that_is_gone_does_not_hurt(
    keys: Keys, server: asyncssh.SSHAcceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(keys.folder / "gone"))
    made = await connect(keys.node(server.get_port()))
    made.abort()


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="no ssh-agent here")
async def test_a_key_in_the_agent_is_enough(
    keys: Keys, server: asyncssh.SSHAcceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(private.new_socket_path())
    agent = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", path, stdout=asyncio.subprocess.DEVNULL)
    try:
        await until(lambda: os.path.exists(path))
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        node = keys.node(server.get_port(), identity=None)
        with pytest.raises(AuthenticationFailed):
            await connect(node)
        async with asyncssh.connect_agent(path) as client:
            await client.add_keys([keys.user_key])
        made = await connect(node)
        made.abort()
    finally:
        agent.terminate()
        await agent.wait()


@pytest.mark.parametrize("change", [{"identity": "/nowhere/id"}, {"ssh_config": "/nowhere/config"}])
async def test_missing_files_are_named(keys: Keys, server: asyncssh.SSHAcceptor, change: dict[str, str]) -> None:
    with pytest.raises(LinkError, match="/nowhere/"):
        await connect(keys.node(server.get_port(), **change))


async def test_refused_connection(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    port = server.get_port()
    server.close()
    await server.wait_closed()
    with pytest.raises(Unreachable, match=f"refuses connections on port {port}"):
        await connect(keys.node(port))


async def test_unresolvable_name(keys: Keys) -> None:
    with pytest.raises(Unreachable, match="resolve"):
        await connect(keys.node(22, ssh="ops@nosuch.invalid"))


async def test_something_that_never_speaks_times_out(keys: Keys) -> None:
    mute = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    with pytest.raises(TimedOut, match=r"within 0.3 s"):
        await connect(keys.node(mute.sockets[0].getsockname()[1]), timeout_s=0.3)
    mute.close()


async def test_something_that_is_not_ssh(keys: Keys) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 400 \x1b[31mno\r\n\r\n" * 3000)
        writer.close()

    web = await asyncio.start_server(http, "127.0.0.1", 0)
    with pytest.raises(LinkError) as caught:
        await connect(keys.node(web.sockets[0].getsockname()[1]), timeout_s=5)
    assert "\x1b" not in str(caught.value)
    web.close()


async def test_long_silence_ends_the_connection(
    keys: Keys, server: asyncssh.SSHAcceptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccops.links.login.KEEPALIVE_INTERVAL_S", 0.5)
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    made = await connect(keys.node(proxy.port))
    process = await made.open_process("sleep 60")
    path = await made.forward_tcp("127.0.0.1", 9)
    proxy.freeze()
    began = time.monotonic()
    with pytest.raises(LinkLost, match="stopped answering"):
        await process.stdout.read()
    assert time.monotonic() - began < 5.5
    assert made.closed
    await made.wait_closed()
    assert not path.exists()
    with pytest.raises(LinkLost, match="stopped answering"):
        await made.run(["true"], timeout_s=1)
    proxy.close()


async def test_cut_ends_a_running_command_with_link_lost(keys: Keys, server: asyncssh.SSHAcceptor) -> None:
    proxy = await Proxy(server.get_port()).start()
    keys.known_hosts(proxy.port)
    made = await connect(keys.node(proxy.port))
    running = asyncio.ensure_future(made.run(["sleep", "60"], timeout_s=30))
    assert await made.measure_latency() < 5
    proxy.cut()
    with pytest.raises(LinkLost):
        await running
    proxy.close()
