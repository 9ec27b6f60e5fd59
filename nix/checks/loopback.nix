# The agent as NixOS's systemd runs it, in one machine. It listens on a UNIX socket here: over vsock it serves only a host,
# and this machine has none of ours. What it must show is the service's own: ready, watched, restarted, its cgroup delegated.
{ self, pkgs }:

let
  digits = pkgs.lib.concatStrings (pkgs.lib.genList (_: "1") 64);
in
pkgs.testers.runNixOSTest {
  name = "keystone-loopback";

  nodes.machine = { lib, ... }: {
    imports = [ self.nixosModules.guest ];
    services.keystone-guest-agent.enable = true;
    # In the place of QEMU's firmware channel.
    systemd.services.keystone-guest-agent.serviceConfig = {
      SetCredential = "keystone.boot:keystone-boot 1\\nhost ${digits}\\nguest ${digits}\\n";
      ExecStart = lib.mkForce "${pkgs.keystone-guest-agent}/bin/keystone-guest-agent serve --listen unix:/run/keystone --report none";
    };
  };

  testScript = ''
    machine.wait_for_unit("keystone-guest-agent.service")
    group = "/sys/fs/cgroup/system.slice/keystone-guest-agent.service"
    main = machine.succeed("systemctl show -P MainPID keystone-guest-agent").strip()
    machine.succeed(f"grep -qx {main} {group}/agent/cgroup.procs")
    machine.succeed(f"test -d {group}/sessions")
    machine.succeed("test $(cat /proc/%s/oom_score_adj) -lt 0" % main)

    # What a session left running outlives the agent.
    machine.succeed(f"mkdir {group}/sessions/left && (sleep infinity & echo $! > {group}/sessions/left/cgroup.procs)")
    left = machine.succeed(f"cat {group}/sessions/left/cgroup.procs").strip()
    machine.succeed(f"kill -KILL {main}")
    machine.wait_until_succeeds(f"test $(systemctl show -P MainPID keystone-guest-agent) != {main}")
    machine.wait_for_unit("keystone-guest-agent.service")
    machine.succeed(f"kill -0 {left}")

    # One that gives no sign of life is restarted by the watchdog.
    main = machine.succeed("systemctl show -P MainPID keystone-guest-agent").strip()
    machine.succeed(f"kill -STOP {main}")
    machine.wait_until_succeeds(f"test $(systemctl show -P MainPID keystone-guest-agent) != {main}", timeout=120)
  '';
}
