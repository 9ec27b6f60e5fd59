# host-module: NixOS and home-manager.
{ lib }:

let
  evaluate = settings: extra: import ../host.nix { inherit lib; modules = [{ keystone.agent = { enable = true; } // settings; } extra]; };
  nixos = settings: (evaluate settings { users.users.ada.isNormalUser = true; }).nixos.config;
  home = settings: (evaluate settings { }).home.config;
  failed = config: map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
  json = config: builtins.fromJSON config.environment.etc."keystone/agent/config.json".text;
  homeJson = config: builtins.fromJSON config.xdg.configFile."keystone/agent/config.json".text;
  image = { type = "derivation"; pname = "image"; outPath = "/nix/store/test-image"; };
  defaults = { backend = "qemu"; memory = 8192; vcpus = 4; nested = true; network = "user"; shareSecurity = "auto"; };
in
{
  theHostsFileHasTheDefaults = { expected = defaults; actual = json (nixos { }); };
  aHomesFileHasTheDefaults = { expected = defaults; actual = homeJson (home { }); };
  whatIsSetIsInTheFile = {
    expected = defaults // {
      memory = 2048; vcpus = 2; nested = false; network = "bridge:br0"; shareSecurity = "mapped"; image = "work";
      tokens = { A.file = "/run/a"; B.command = [ "pass" "b" ]; C = false; }; envFiles = [ ".env" ];
    };
    actual = json (nixos {
      sandbox = { memory = 2048; vcpus = 2; nestedVirtualization = false; network = "bridge:br0"; shareSecurity = "mapped"; };
      image = { name = "work"; package = image; };
      tokens = { A.file = "/run/a"; B.command = [ "pass" "b" ]; C = false; };
      envFiles = [ ".env" ];
    });
  };
  limitsAreInTheFileWhereThereAreAny = {
    expected = defaults // { vsock = "vhost"; idleTimeout = "1h30m"; persist = false; memoryLimit = "12G"; cpuLimit = "1.5"; };
    actual = json (nixos {
      backend.vsock = "vhost";
      sandbox = { idleTimeout = "1h30m"; persist = false; memoryLimit = "12G"; cpuLimit = "1.5"; };
    });
  };
  whoCommitsIsInAHomesFile = {
    expected = { gitName = "Ada"; gitEmail = "ada@example.org"; };
    actual = let file = homeJson (home { git = { name = "Ada"; email = "ada@example.org"; }; }); in { inherit (file) gitName gitEmail; };
  };
  theProgramsAreThere = {
    expected = [ "keystone-agent" "keystone-agent" ];
    actual = map lib.getName ((nixos { }).environment.systemPackages ++ (home { }).home.packages);
  };
  nothingIsChangedUnlessAskedFor = {
    expected = { packages = [ ]; etc = { }; modules = [ ]; home = [ ]; files = { }; };
    actual =
      let inherit (import ../host.nix { inherit lib; }) nixos home;
      in {
        packages = nixos.config.environment.systemPackages; etc = nixos.config.environment.etc; modules = nixos.config.boot.kernelModules;
        home = home.config.home.packages; files = home.config.xdg.configFile;
      };
  };
  usersMayUseTheKernelsVirtualization = {
    expected = { extraGroups = [ "kvm" ]; linger = true; isNormalUser = true; };
    actual = (nixos { users = [ "ada" ]; }).users.users.ada;
  };
  aUserWhoIsNoneIsRefused = {
    expected = [ "keystone.agent.users names eve, who is no normal user of this host: define users.users.eve with isNormalUser = true, or take the name out." ];
    actual = failed (nixos { users = [ "ada" "eve" ]; });
  };
  theKernelOffersVsockAndNesting = {
    expected = { modules = [ "vhost_vsock" ]; options = "options kvm_intel nested=1\noptions kvm_amd nested=1\n"; };
    actual = let inherit ((nixos { })) boot; in { modules = boot.kernelModules; options = boot.extraModprobeConfig; };
  };
  nestingIsLeftAloneWhereItIsNotWanted = { expected = ""; actual = (nixos { sandbox.nestedVirtualization = false; }).boot.extraModprobeConfig; };
  theImageIsTakenInAtLogin = {
    expected = "/nix/store/test-keystone-agent/bin/keystone agent image import /nix/store/test-image --name nixos";
    actual = (nixos { image.package = image; }).systemd.user.services.keystone-agent-image.serviceConfig.ExecStart;
  };
  theImageIsTakenInForTheNamedUsers = {
    expected = [ "|ada" ];
    actual = (nixos { image.package = image; users = [ "ada" ]; }).systemd.user.services.keystone-agent-image.unitConfig.ConditionUser;
  };
  withoutAnImageNothingIsTakenIn = { expected = { }; actual = (nixos { }).systemd.user.services; };
  aHomeTakesInTheImageToo = {
    expected = [ "default.target" ];
    actual = (home { image.package = image; }).systemd.user.services.keystone-agent-image.Install.WantedBy;
  };
  direnvCanStartASandbox = {
    expected = true;
    actual = builtins.match ".*use_keystone\\(\\).*agent start --no-attach.*"
      (builtins.replaceStrings [ "\n" ] [ " " ] (home { }).xdg.configFile."direnv/lib/keystone.sh".text) != null;
  };
  direnvCanBeLeftAlone = { expected = false; actual = (home { direnv.enable = false; }).xdg.configFile ? "direnv/lib/keystone.sh"; };
  aTokenHasOneSource = {
    expected = [ "keystone.agent.tokens.A is to have one source: { env = NAME; }, { file = PATH; }, { command = [ PROGRAM … ]; } or false." ];
    actual = failed (nixos { tokens.A = { file = "/a"; env = "A"; }; });
  };
  aTokensCommandIsAList = {
    expected = [ "keystone.agent.tokens.A.command is run without a shell: write it as a list, [ PROGRAM ARGUMENT … ]." ];
    actual = failed (nixos { tokens.A.command = "pass show a"; });
  };
}
