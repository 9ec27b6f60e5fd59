# A host with a sandbox in it: the image is imported, started, used and stopped, by an ordinary user.
{ self, pkgs, image }:

pkgs.testers.runNixOSTest {
  name = "keystone-nested";

  nodes.host = { config, ... }: {
    imports = [ self.nixosModules.host ];
    virtualisation = { memorySize = 6144; cores = 2; diskSize = 16384; };
    users.users.ada = { isNormalUser = true; uid = 1234; };
    programs.git.enable = true;
    keystone.agent = {
      enable = true;
      users = [ "ada" ];
      sandbox = { memory = 2048; vcpus = 2; };
      image.package = image;
    };
  };

  testScript = ''
    host.wait_for_unit("multi-user.target")
    host.wait_until_succeeds("su - ada -c 'keystone agent image list' | grep nixos", timeout=600)
    host.succeed("su - ada -c 'git init project && touch project/file'")
    host.succeed("su - ada -c 'cd project && keystone agent start --no-attach --timeout 15m'")

    def run(command):
        return host.succeed(f"su - ada -c 'cd project && keystone agent exec -- {command}'")

    assert run("id -u").strip() == "1234"
    assert "file" in run("ls /workspace")
    run("sudo true")
    run("touch /workspace/made")
    host.succeed("test $(stat -c %u /home/ada/project/made) = 1234")
    assert run("systemctl is-active keystone-guest-agent").strip() == "active"
    run("nix --version")
    host.succeed("su - ada -c 'cd project && keystone agent stop'")
  '';
}
