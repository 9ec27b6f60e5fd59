# services.agent-mcp.
{ lib }:

let
  server = { type = "derivation"; pname = "server"; outPath = "/nix/store/test-server"; };
  evaluate = settings: (import ../guest.nix {
    inherit lib;
    modules = [{ keystone.guest.enable = true; services.agent-mcp = { enable = true; package = server; } // settings; }];
  }).config;
  default = evaluate { };
  service = default.systemd.services.agent-mcp;
  failed = config: map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
in
{
  theServerIsToldWhereToListenAndForWhom = {
    expected = { MCP_HOST = "127.0.0.1"; MCP_PORT = "8000"; MCP_ALLOWED_ORIGIN = "https://claude.ai"; MCP_WORKSPACE = "/workspace"; };
    actual = service.environment;
  };
  theServersPortAndOriginCanBeSet = {
    expected = { MCP_PORT = "9000"; MCP_ALLOWED_ORIGIN = "https://example.org"; LOG = "1"; };
    actual =
      let inherit ((evaluate { port = 9000; allowedOrigin = "https://example.org"; extraEnvironment.LOG = "1"; }).systemd.services.agent-mcp) environment;
      in { inherit (environment) MCP_PORT MCP_ALLOWED_ORIGIN LOG; };
  };
  noPortIsOpened = { expected = { enable = true; }; actual = default.networking.firewall; };
  theServerRunsAsTheSandboxesUser = { expected = "sandbox:sandbox"; actual = "${service.serviceConfig.User}:${service.serviceConfig.Group}"; };
  theServerWorksInTheWorkspace = { expected = "/workspace"; actual = service.serviceConfig.WorkingDirectory; };
  theServerWaitsForTheUsersIds = {
    expected = { path = "/run/keystone-user"; wantedBy = false; };
    actual = { path = default.systemd.paths.agent-mcp.pathConfig.PathExists; wantedBy = service ? wantedBy; };
  };
  argumentsReachTheServerAsTheyAre = {
    expected = "/nix/store/test-server/bin/server '--name' 'it'\\''s'";
    actual = (evaluate { arguments = [ "--name" "it's" ]; }).systemd.services.agent-mcp.serviceConfig.ExecStart;
  };
  programsOfAShellAreFound = {
    expected = true;
    actual = lib.elem "go" (evaluate { shell = { type = "derivation"; nativeBuildInputs = [ "go" ]; }; }).systemd.services.agent-mcp.path;
  };
  theServerIsConfined = {
    expected = { NoNewPrivileges = true; ProtectSystem = "strict"; ReadWritePaths = [ "/workspace" ]; ProtectHome = "tmpfs"; CapabilityBoundingSet = ""; };
    actual = { inherit (service.serviceConfig) NoNewPrivileges ProtectSystem ReadWritePaths ProtectHome CapabilityBoundingSet; };
  };
  theServerCanBeLetLoose = { expected = false; actual = (evaluate { hardening = false; }).systemd.services.agent-mcp.serviceConfig ? ProtectSystem; };
  theServerIsAskedWhetherItWorks = {
    expected = "/nix/store/test-curl/bin/curl --silent --show-error --fail --max-time 5 --output /dev/null http://127.0.0.1:8000/health";
    actual = default.systemd.services.agent-mcp-health.serviceConfig.ExecStart;
  };
  theServerIsAskedAgainAndAgain = { expected = 60; actual = default.systemd.timers.agent-mcp-health.timerConfig.OnUnitInactiveSec; };
  aServerThatDoesNotAnswerIsRestarted = {
    expected = { onFailure = [ "agent-mcp-restart.service" ]; command = "/nix/store/test-systemd/bin/systemctl try-restart agent-mcp.service"; };
    actual = {
      inherit (default.systemd.services.agent-mcp-health) onFailure;
      command = default.systemd.services.agent-mcp-restart.serviceConfig.ExecStart;
    };
  };
  theServerNeedNotBeAsked = {
    expected = { services = [ "agent-mcp" ]; timers = { }; };
    actual =
      let config = evaluate { health.path = null; };
      in { services = lib.filter (lib.hasPrefix "agent-mcp") (lib.attrNames config.systemd.services); timers = config.systemd.timers; };
  };
  theRestartPolicyCanBeSet = {
    expected = { Restart = "always"; RestartSec = 1; burst = 9; };
    actual =
      let unit = (evaluate { restart = { policy = "always"; delaySec = 1; burst = 9; }; }).systemd.services.agent-mcp;
      in { inherit (unit.serviceConfig) Restart RestartSec; burst = unit.unitConfig.StartLimitBurst; };
  };
  theServersWordsAreInTheJournal = { expected = "agent-mcp"; actual = service.serviceConfig.SyslogIdentifier; };
  aServerWithoutAProgramIsRefused = {
    expected = [ "services.agent-mcp is enabled in this sandbox, but has no program: set services.agent-mcp.package to the MCP server." ];
    actual = failed ((import ../guest.nix { inherit lib; modules = [{ services.agent-mcp = { enable = true; health.path = null; }; }]; }).config);
  };
}
