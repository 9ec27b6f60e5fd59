# system.build.keystoneImage: what the script that makes the image is given.
{ lib }:

let
  config = settings: (import ../guest.nix {
    inherit lib;
    modules = [{
      keystone.guest = { enable = true; } // settings;
      system.build.toplevel = "/nix/store/test-system";
      boot.kernelParams = [ "of.a.user" ];
    }];
  }).config;
  image = (config { }).system.build.keystoneImage;
in
{
  theKernelFindsTheSystemAndWhatNixKnowsOfIt = {
    expected = "cryptomgr.notests\nof.a.user\ninit=/nix/store/test-system/init\nkeystone.registration=/nix/store/test-closure-info/registration";
    actual = image.env.parameters;
  };
  theImageIsOfTheSystemsKernel = {
    expected = { kernel = "/nix/store/test-system/kernel"; initrd = "/nix/store/test-system/initrd"; closure = "/nix/store/test-closure-info"; architecture = "x86_64"; };
    actual = { inherit (image.env) kernel initrd closure architecture; };
  };
  theDiskIsTheOneThatTheGuestLooksFor = {
    expected = "/dev/disk/by-uuid/${image.env.storeUUID}";
    actual = (config { }).fileSystems."/nix/.ro-store".device;
  };
  anImageNeedsNothingOfTheStoreItWasBuiltIn = { expected = true; actual = image.unsafeDiscardReferences.out; };
  anImageIsCalledAsAskedFor = { expected = "work"; actual = (config { image.name = "work"; }).system.build.keystoneImage.env.imageName; };
  whatIsInAnImageIsToldByName = {
    expected = "agent\nnixos\nsystemd\nmine";
    actual = (config { packages = [{ type = "derivation"; name = "mine"; outPath = "/x"; }]; }).system.build.keystoneImage.env.features;
  };
  theCompressionCanBeChosen = { expected = "none"; actual = (config { image.compression = "none"; }).system.build.keystoneImage.env.compression; };
}
