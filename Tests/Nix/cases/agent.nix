# services.keystone-guest-agent: what the agent relies on systemd for.
{ lib }:

let
  evaluate = modules: (import ../guest.nix { inherit lib modules; }).config;
  alone = evaluate [{ services.keystone-guest-agent.enable = true; }];
  service = alone.systemd.services.keystone-guest-agent;
  text = import ../unit-text.nix { inherit lib; } service;
  is = name: expected: { inherit expected; actual = service.serviceConfig.${name}; };
in
{
  theAgentIsReadyWhenItSaysSo = is "Type" "notify";
  onlyTheAgentItselfSpeaksToSystemd = is "NotifyAccess" "main";
  theAgentServesByVsock = is "ExecStart" "/nix/store/test-keystone-guest-agent/bin/keystone-guest-agent serve";
  theCredentialIsImported = is "ImportCredential" "keystone.*";
  theAgentIsWatched = is "WatchdogSec" 30;
  theAgentComesBackWhateverEndedIt = is "Restart" "always";
  theAgentComesBackAtOnce = is "RestartSec" "100ms";
  theAgentIsNeverGivenUp = { expected = 0; actual = service.unitConfig.StartLimitIntervalSec; };
  sessionsOutliveTheAgent = is "KillMode" "process";
  theCgroupIsTheAgents = is "Delegate" true;
  theAgentHasAGroupBesideItsSessions = is "DelegateSubgroup" "agent";
  sessionsMayBeMany = is "TasksMax" "infinity";
  theAgentIsKilledLast = is "OOMScoreAdjust" (-900);
  aKilledSessionDoesNotEndTheAgent = is "OOMPolicy" "continue";
  theOomDaemonPassesTheAgentBy = is "ManagedOOMPreference" "omit";

  # Each of these would be inherited by every command.
  sessionsInheritNoHardening = {
    expected = [ ];
    actual = lib.filter
      (name: lib.any (start: lib.hasPrefix start name) [
        "Capability" "Ambient" "Lock" "Memory" "NoNew" "Private" "Protect" "ReadOnly" "ReadWrite" "Restrict" "Root" "SecureBits"
        "System" "User" "Group" "Nice" "CPU" "IO" "Limit"
      ] && !(lib.elem name [ "RestartSec" ]))
      (lib.attrNames service.serviceConfig);
  };

  theWatchdogsTimeCanBeSet = {
    expected = 90;
    actual = (evaluate [{ services.keystone-guest-agent = { enable = true; watchdogSec = 90; }; }])
      .systemd.services.keystone-guest-agent.serviceConfig.WatchdogSec;
  };

  sessionsEndWithTheMachineAndBeforeTheAgent = {
    expected = ''
      [Unit]
      After=keystone-guest-agent.service
      Description=The end of the Keystone guest agent's sessions

      [Service]
      ExecStop=/nix/store/test-keystone-guest-agent/bin/keystone-guest-agent end-sessions /sys/fs/cgroup/system.slice/keystone-guest-agent.service/sessions
      RemainAfterExit=true
      TimeoutStopSec=10
      Type=oneshot

      [Install]
      WantedBy=multi-user.target
    '';
    actual = import ../unit-text.nix { inherit lib; } alone.systemd.services.keystone-guest-sessions;
  };
  aRestartOfTheAgentLeavesSessionsAlone = {
    expected = [ ];
    actual = lib.filter (name: lib.elem name [ "bindsTo" "partOf" "requires" "requisite" "wants" ])
      (lib.attrNames alone.systemd.services.keystone-guest-sessions);
  };
  anSshLogoutLeavesSessionsTheirRuntimeFolder = { expected = "infinity"; actual = alone.services.logind.settings.Login.UserStopDelaySec; };

  aNewConfigurationRestartsTheAgentInOneStep = { expected = false; actual = service.stopIfChanged; };
  theAgentStartsWithTheMachine = { expected = [ "multi-user.target" ]; actual = service.wantedBy; };
  withoutASandboxTheAgentWaitsForNoShare = { expected = false; actual = lib.elem "workspace.mount" service.after; };
  theAgentIsOffUnlessAskedFor = { expected = { }; actual = (evaluate [ ]).systemd.services; };

  theUnitIsWrittenAsSystemdReadsIt = {
    expected = ''
      [Unit]
      After=local-fs.target systemd-modules-load.service systemd-tmpfiles-setup.service
      Description=Keystone guest agent
      StartLimitIntervalSec=0

      [Service]
      Delegate=true
      DelegateSubgroup=agent
      Environment=GLIBC_TUNABLES=glibc.pthread.stack_cache_size=524288
      ExecStart=/nix/store/test-keystone-guest-agent/bin/keystone-guest-agent serve
      ImportCredential=keystone.*
      KillMode=process
      ManagedOOMPreference=omit
      NotifyAccess=main
      OOMPolicy=continue
      OOMScoreAdjust=-900
      Restart=always
      RestartMaxDelaySec=30s
      RestartPreventExitStatus=2
      RestartSec=100ms
      RestartSteps=8
      StandardError=journal+console
      StandardOutput=journal+console
      SyslogIdentifier=keystone-guest-agent
      TasksMax=infinity
      TimeoutStartSec=60
      TimeoutStopSec=10
      Type=notify
      UMask=0022
      WatchdogSec=30

      [Install]
      WantedBy=multi-user.target
    '';
    actual = text;
  };
}
