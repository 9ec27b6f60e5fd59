# A NixOS machine that is a Keystone sandbox: import this, or the flake's `nixosModules.guest`.
{
  imports = [ ./agent.nix ];
}
