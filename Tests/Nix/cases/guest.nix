# keystone.guest: the machine around the agent.
{ lib }:

let
  evaluate = modules: (import ../guest.nix {
    inherit lib;
    modules = [{ keystone.guest.enable = true; system.build.toplevel = "/nix/store/test-system"; }] ++ modules;
  }).config;
  failed = config: map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
  default = evaluate [ ];
  guest = settings: evaluate [{ keystone.guest = settings; }];
  names = packages: map lib.getName packages;
  installs = name: config: lib.elem name (names config.environment.systemPackages);
  mounts = lib.mapAttrs (_: mount: mount.options or [ ]) default.fileSystems;
in
{
  aSandboxHasTheAgent = { expected = true; actual = default.services.keystone-guest-agent.enable; };
  aDefaultSandboxIsSound = { expected = [ ]; actual = failed default; };
  nothingIsChangedWithoutBeingAskedFor = {
    expected = { packages = [ ]; mounts = { }; users = { }; };
    actual =
      let config = (import ../guest.nix { inherit lib; }).config;
      in { packages = config.environment.systemPackages; mounts = config.fileSystems; users = config.users.users; };
  };

  # Kernel
  theWayToTheHostIsOpenFromTheStart = {
    expected = [ "virtio_pci" "vmw_vsock_virtio_transport" "qemu_fw_cfg" ];
    actual = default.boot.initrd.kernelModules;
  };
  theDiskAndTheShareCanBeMountedEarly = {
    expected = true;
    actual = lib.all (name: lib.elem name default.boot.initrd.availableKernelModules) [ "virtio_blk" "erofs" "overlay" "9p" "9pnet_virtio" ];
  };
  theModulesAreThereAfterTheInitrdToo = {
    expected = true;
    actual = lib.all (name: lib.elem name default.boot.kernelModules) [ "vmw_vsock_virtio_transport" "qemu_fw_cfg" "9p" "9pnet_virtio" ];
  };
  aStubbornCommandDoesNotHoldUpTheShutdown = { expected = "10s"; actual = default.systemd.settings.Manager.DefaultTimeoutStopSec; };
  theConsoleIsNoWayIn = { expected = false; actual = default.systemd.services."serial-getty@ttyS0".enable; };

  # File systems
  theWorkspaceIsTheShareOfThatName = {
    expected = { device = "workspace"; fsType = "9p"; options = [ "trans=virtio" "version=9p2000.L" "msize=512000" "cache=none" "nosuid" "nodev" "nofail" ]; };
    actual = default.fileSystems."/workspace";
  };
  theAgentSaysHelloOnceTheWorkspaceIsThere = {
    expected = true;
    actual = lib.elem "workspace.mount" default.systemd.services.keystone-guest-agent.after;
  };
  theShareCanBeLeftOut = {
    expected = { mount = false; waits = false; };
    actual =
      let config = guest { workspace.enable = false; };
      in { mount = config.fileSystems ? "/workspace"; waits = lib.elem "workspace.mount" config.systemd.services.keystone-guest-agent.after; };
  };
  theCacheOfTheShareCanBeChosen = {
    expected = true;
    actual = lib.elem "cache=mmap" (guest { workspace.cache = "mmap"; }).fileSystems."/workspace".options;
  };
  homesAreInMemoryWithoutSetUserIdOrDevices = { expected = [ "mode=0755" "size=50%" "nosuid" "nodev" ]; actual = mounts."/home"; };
  aHomesSizeCanBeSet = { expected = true; actual = lib.elem "size=4G" (guest { home.size = "4G"; }).fileSystems."/home".options; };
  theStoreIsReadOnlyBeneathWhatNixAdds = {
    expected = { fsType = "erofs"; options = [ "ro" ]; lower = [ "/nix/.ro-store" ]; early = [ true true true true ]; };
    actual = {
      inherit (default.fileSystems."/nix/.ro-store") fsType options;
      lower = default.fileSystems."/nix/store".overlay.lowerdir;
      early = map (place: default.fileSystems.${place}.neededForBoot) [ "/" "/nix/.ro-store" "/nix/.rw-store" "/nix/store" ];
    };
  };
  aStoreThatStaysAsItIsIsTheDiskItself = {
    expected = { fsType = "erofs"; overlay = false; };
    actual =
      let config = guest { writableStore = false; };
      in { inherit (config.fileSystems."/nix/store") fsType; overlay = config.fileSystems ? "/nix/.rw-store"; };
  };

  # User
  theUsersIdsAreLeftToTheHost = {
    expected = { uid = false; gid = false; };
    actual = { uid = default.users.users.sandbox ? uid; gid = default.users.groups.sandbox ? gid; };
  };
  anIdOfTheImagesOwnIsRefused = {
    expected = [ "The sandbox's user takes the ids of the project's owner when the sandbox boots: leave users.users.sandbox.uid and users.groups.sandbox.gid unset." ];
    actual = failed (evaluate [{ users.users.sandbox.uid = 1000; }]);
  };
  theUserHasAHomeThatTheHostMakes = {
    expected = { home = "/home/sandbox"; createHome = false; isNormalUser = true; group = "sandbox"; };
    actual = { inherit (default.users.users.sandbox) home createHome isNormalUser group; };
  };
  sudoAsksForNoPassword = {
    expected = [{ users = [ "sandbox" ]; commands = [{ command = "ALL"; options = [ "NOPASSWD" "SETENV" ]; }]; }];
    actual = default.security.sudo.extraRules;
  };
  sudoCanAsk = {
    expected = [ "SETENV" ];
    actual = (lib.head (lib.head (guest { sudo.passwordless = false; }).security.sudo.extraRules).commands).options;
  };
  sudoCanBeLeftOut = {
    expected = { enable = false; rules = false; };
    actual = let sudo = (guest { sudo.enable = false; }).security.sudo; in { inherit (sudo) enable; rules = sudo ? extraRules; };
  };
  sshTakesKeysOnly = {
    expected = { PasswordAuthentication = false; KbdInteractiveAuthentication = false; PermitRootLogin = "prohibit-password"; };
    actual = default.services.openssh.settings;
  };
  sshOpensNoPort = { expected = false; actual = default.services.openssh.openFirewall; };
  passwordsForSshAreRefused = {
    expected = [ "Nobody logs in to a sandbox with a password: leave services.openssh.settings.PasswordAuthentication off." ];
    actual = failed (evaluate [{ services.openssh.settings.PasswordAuthentication = lib.mkForce true; }]);
  };
  sshCanBeLeftOut = { expected = false; actual = (guest { ssh.enable = false; }).services.openssh ? enable; };

  # Network
  theFirewallIsUpAndNothingIsOpen = { expected = { enable = true; }; actual = default.networking.firewall; };
  theHostNamesTheSandbox = { expected = ""; actual = default.networking.hostName; };
  theNamesFileCanBeWritten = { expected = "0644"; actual = default.environment.etc.hosts.mode; };
  nothingWaitsForTheNetwork = { expected = false; actual = default.systemd.network.wait-online.enable; };

  # Git
  whoCommitsCanBeAdded = { expected = "0644"; actual = default.environment.etc.gitconfig.mode; };
  workTreesAreTrusted = { expected = [ "/workspace" "/workspace/.worktrees/*" ]; actual = default.programs.git.config.safe.directory; };
  workTreesCanBeLeftOut = {
    expected = { safe.directory = [ "/workspace" ]; };
    actual = (guest { worktrees.enable = false; }).programs.git.config;
  };

  # Programs
  packagesOfTheOwnersAreFound = { expected = true; actual = installs "jq-of-mine" (guest { packages = [{ type = "derivation"; name = "jq-of-mine"; outPath = "/x"; }]; }); };
  theUsualToolsAreThere = { expected = true; actual = lib.all (name: installs name default) [ "gcc" "ripgrep" "python3" "nodejs" "gh" ]; };
  theUsualToolsCanBeLeftOut = {
    expected = { ripgrep = false; loader = false; };
    actual = let config = guest { developmentTools.enable = false; }; in { ripgrep = installs "ripgrep" config; loader = config.programs.nix-ld.enable; };
  };
  direnvLoadsFlakes = { expected = { enable = true; nix-direnv.enable = true; silent = true; }; actual = default.programs.direnv; };
  direnvCanBeLeftOut = { expected = { }; actual = (guest { direnv.enable = false; }).programs.direnv; };
  zellijHasACommandForWorkTrees = { expected = true; actual = installs "keystone-session" default && installs "zellij" default; };
  zellijCanBeLeftOut = { expected = false; actual = installs "zellij" (guest { zellij.enable = false; }); };
  nixKnowsFlakes = { expected = [ "nix-command" "flakes" ]; actual = default.nix.settings.experimental-features; };

  aStoreAboveADiskIsNotOptimised = {
    expected = [ "A sandbox's store lies above a read-only disk, whose files Nix can't link to each other: turn nix.optimise.automatic and nix.settings.auto-optimise-store off." ];
    actual = failed (evaluate [{ nix.optimise.automatic = true; }]);
  };

  # Security
  theKernelImageIsProtected = {
    expected = { allowUserNamespaces = true; lockKernelModules = false; protectKernelImage = true; };
    actual = { inherit (default.security) allowUserNamespaces lockKernelModules protectKernelImage; };
  };
  withoutUserNamespacesNixBuildsWithoutItsSandbox = {
    expected = { namespaces = false; sandbox = false; };
    actual =
      let config = guest { security.allowUserNamespaces = false; };
      in { namespaces = config.security.allowUserNamespaces; inherit (config.nix.settings) sandbox; };
  };

  # Soundness
  aSandboxWithoutAnAgentIsRefused = {
    expected = [ "A sandbox without services.keystone-guest-agent can't be reached by its host: enable it, or don't enable keystone.guest." ];
    actual = failed (evaluate [{ services.keystone-guest-agent.enable = false; }]);
  };
  aMachineIdInTheImageIsRefused = {
    expected = [ "Every sandbox has a machine id of its own, which the host gives it: remove environment.etc.machine-id from the image." ];
    actual = failed (evaluate [{ environment.etc.machine-id.text = "x"; }]);
  };
}
