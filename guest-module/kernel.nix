# What the kernel must be able to do before and after the switch to the real root: virtio over PCI, vsock to reach the host,
# QEMU's firmware channel for the boot credential, 9p for the workspace.
{ config, lib, ... }:

let
  inherit (lib) mkDefault mkIf;
in
{
  config = mkIf config.keystone.guest.enable {
    boot = {
      # Loaded by name: systemd imports the credential when it starts, and nothing would load the module for it.
      initrd.kernelModules = [ "virtio_pci" "vmw_vsock_virtio_transport" "qemu_fw_cfg" ];
      initrd.availableKernelModules = [ "virtio_blk" "erofs" "overlay" "9pnet_virtio" "9p" "virtio_net" "virtio_rng" ];
      kernelModules = [ "vmw_vsock_virtio_transport" "qemu_fw_cfg" "9pnet_virtio" "9p" "virtio_net" "virtio_rng" ];
      initrd.systemd.enable = mkDefault true;
      # QEMU is given the kernel itself.
      loader.grub.enable = mkDefault false;
      # Self-tests that cost a tenth of the boot where the processor is emulated.
      kernelParams = [ "cryptomgr.notests" ];
      tmp.useTmpfs = mkDefault true;
    };

    # What is left when a shutdown reaches its end is a command that would not go; nobody waits 90 s for it.
    systemd.settings.Manager.DefaultTimeoutStopSec = mkDefault "10s";
    # The console is the host's log of the machine, not a way in.
    systemd.services."serial-getty@ttyS0".enable = mkDefault false;
    documentation.enable = mkDefault false;
  };
}
