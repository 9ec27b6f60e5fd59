# nix/flake.nix with a nixpkgs of ours: { count, failures } as evaluate.nix.
let
  lib = import ./lib;
  flake = import ../../nix/flake.nix;
  plain = import ./packages.nix { inherit lib; };
  stub = name: { type = "derivation"; inherit name; pname = name; outPath = "/nix/store/test-${name}"; };
  outputsWith = swiftVersion:
    let self = flake.outputs { inherit self; nixpkgs = import ./nixpkgs { inherit swiftVersion; }; };
    in self;
  outputs = outputsWith "6.2";
  packages = outputs.packages.x86_64-linux;
  contains = needle: text: builtins.match ".*${needle}.*" (builtins.replaceStrings [ "\n" ] [ " " ] text) != null;

  host = (lib.evalModules {
    modules = [
      ./nixos-options.nix
      outputs.nixosModules.host
      {
        users.users.ada.isNormalUser = true;
        keystone.agent = {
          enable = true;
          users = [ "ada" ];
          guest = { packages = [ (stub "go") ]; agents.codex.enable = true; modules = [{ keystone.guest.sudo.enable = false; }]; };
          image.name = "work";
        };
      }
    ];
    specialArgs.pkgs = plain;
  }).config;

  cases = {
    theFlakeHasWhatItsHeadSays = {
      expected = {
        packages = [ "default" "keystone-agent" "keystone-guest-agent" "sandbox-image" ];
        modules = [ "default" "guest" "host" ];
        home = [ "default" ];
        checks = [ "image" "keystone-agent" "keystone-guest-agent" "loopback" "nested" ];
        templates = [ "default" ];
      };
      actual = {
        packages = lib.attrNames packages;
        modules = lib.attrNames outputs.nixosModules;
        home = lib.attrNames outputs.homeModules;
        checks = lib.attrNames outputs.checks.x86_64-linux;
        templates = lib.attrNames outputs.templates;
      };
    };
    nixpkgsIsTheOnlyInput = { expected = [ "nixpkgs" ]; actual = lib.attrNames flake.inputs; };
    theGuestsPackageIsTheAgentAlone = {
      expected = { pname = "keystone-guest-agent"; host = false; };
      actual = { inherit (packages.keystone-guest-agent) pname; host = contains "keystone-vhost-vsock" packages.keystone-guest-agent.installPhase; };
    };
    theHostsPackageHasAllPrograms = {
      expected = [ true true true true ];
      actual = map (program: contains program packages.keystone-agent.installPhase)
        [ "/keystone\"" "keystone-vhost-vsock" "keystone-guest-agent" "agent completion" ];
    };
    thePackagesHaveTheProgramsVersion = { expected = true; actual = builtins.match "[0-9]+\\.[0-9]+\\.[0-9]+" packages.default.version != null; };
    whatIsBuiltIsThere = { expected = toString ../..; actual = toString packages.default.src; };
    anOldSwiftIsRefused = {
      expected = { old = false; new = true; };
      actual = {
        old = (builtins.tryEval (outputsWith "5.10.1").packages.x86_64-linux.keystone-agent.outPath).success;
        new = (builtins.tryEval (outputsWith "6.1").packages.x86_64-linux.keystone-agent.outPath).success;
      };
    };
    theImageHoldsThisFlakesAgent = {
      expected = "/nix/store/test-keystone-guest-agent/bin/keystone-guest-agent serve";
      actual = (lib.evalModules {
        modules = [ ./nixos-options.nix outputs.nixosModules.guest { services.keystone-guest-agent.enable = true; } ];
        specialArgs.pkgs = plain;
      }).config.systemd.services.keystone-guest-agent.serviceConfig.ExecStart;
    };
    anImageCanHaveModulesOfAUsers = {
      expected = "mine";
      actual = (outputs.lib.sandboxImage { modules = [{ keystone.guest.image.name = "mine"; }]; }).env.imageName;
    };
    aHostsImageIsWhatItsOptionsDescribe = {
      expected = { name = "work"; features = "agent\nnixos\nsystemd\ngo"; };
      actual = { name = host.keystone.agent.image.package.env.imageName; inherit (host.keystone.agent.image.package.env) features; };
    };
    aHostsImageIsTakenIn = {
      expected = "/nix/store/test-keystone-agent/bin/keystone agent image import /nix/store/test-keystone-image-work --name work";
      actual = host.systemd.user.services.keystone-agent-image.serviceConfig.ExecStart;
    };
    theShellCompletes = { expected = true; actual = contains "agent completion bash" outputs.devShells.x86_64-linux.default.shellHook; };
    theNestedMachineStartsASandbox = { expected = true; actual = contains "keystone agent start" outputs.checks.x86_64-linux.nested.testScript; };
    theLoopbackMachineLooksAtTheService = { expected = true; actual = contains "wait_for_unit" outputs.checks.x86_64-linux.loopback.testScript; };
  };
  failed = lib.filterAttrs (_: case: case.actual != case.expected) cases;
in
{
  count = lib.length (lib.attrNames cases);
  failures = lib.mapAttrsToList (name: case: { inherit name; inherit (case) expected actual; }) failed;
}
