# The guest agent as a service. What it needs of systemd, and nothing that the commands it starts would inherit: they are
# the user's, and have to be able to do what a command in any Linux can.
{ config, lib, pkgs, ... }:

let
  inherit (lib) getExe' mkEnableOption mkIf mkOption mkPackageOption types;
  cfg = config.services.keystone-guest-agent;
  program = getExe' cfg.package "keystone-guest-agent";
in
{
  options.services.keystone-guest-agent = {
    enable = mkEnableOption "the Keystone guest agent, through which the host runs commands in this virtual machine";

    package = mkPackageOption pkgs "keystone-guest-agent" { };

    watchdogSec = mkOption {
      type = types.ints.positive;
      default = 30;
      description = ''
        Seconds without a sign of life after which systemd restarts the agent. Commands that run meanwhile go on; attached
        ones lose their connection.
      '';
    };
  };

  config = mkIf cfg.enable {
    systemd.services.keystone-guest-agent = {
      description = "Keystone guest agent";
      wantedBy = [ "multi-user.target" ];
      # The share, where there is one, is mounted before the host is told that the guest is ready.
      after = [ "local-fs.target" "systemd-modules-load.service" "systemd-tmpfiles-setup.service" ];
      # Never given up: without the agent nobody reaches the machine.
      unitConfig.StartLimitIntervalSec = 0;
      # A new configuration restarts it in one step, so that the host's connection is away for a moment only.
      stopIfChanged = false;

      serviceConfig = {
        Type = "notify";
        NotifyAccess = "main";
        ExecStart = "${program} serve";
        # From QEMU's firmware channel (systemd.system-credentials(7)). An older systemd doesn't know the line, and the agent
        # then reads the firmware itself.
        ImportCredential = "keystone.*";
        # Of the stacks of ended threads glibc keeps 40 MiB otherwise.
        Environment = "GLIBC_TUNABLES=glibc.pthread.stack_cache_size=524288";
        WatchdogSec = cfg.watchdogSec;
        TimeoutStartSec = 60;
        TimeoutStopSec = 10;

        Restart = "always";
        RestartSec = "100ms";
        RestartSteps = 8;
        RestartMaxDelaySec = "30s";
        # A command line that it does not know won't be better the next time.
        RestartPreventExitStatus = 2;

        # A cgroup for each session below `sessions`, and the agent in `agent`, since a group with controllers may hold no
        # processes itself.
        Delegate = true;
        DelegateSubgroup = "agent";
        # Sessions outlive the agent, and the next one takes them over.
        KillMode = "process";
        TasksMax = "infinity";

        # What eats up the memory is a session, and the kernel is to kill that one alone. The agent gives commands 0.
        OOMScoreAdjust = -900;
        OOMPolicy = "continue";
        ManagedOOMPreference = "omit";

        UMask = "0022";
        # The host keeps the console, which is what it can show of a machine whose agent never came up.
        StandardOutput = "journal+console";
        StandardError = "journal+console";
        SyslogIdentifier = "keystone-guest-agent";
      };
    };

    # Sessions outlive the agent, but not the machine: left to systemd's last sweep they would keep the workspace from being
    # unmounted, and a shell that ignores SIGTERM would cost 90 s. Stopped before the agent, and only at a shutdown: nothing
    # binds it to the agent's restarts.
    systemd.services.keystone-guest-sessions = {
      description = "The end of the Keystone guest agent's sessions";
      wantedBy = [ "multi-user.target" ];
      after = [ "keystone-guest-agent.service" ];
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStop = "${program} end-sessions /sys/fs/cgroup/system.slice/keystone-guest-agent.service/sessions";
        TimeoutStopSec = 10;
      };
    };

    # The end of a user's last ssh login must not take the runtime folder that sessions have too.
    services.logind.settings.Login.UserStopDelaySec = "infinity";
  };
}
