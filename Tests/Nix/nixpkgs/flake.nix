# The same as a flake whose image can really be built, with the host's own bash and coreutils: the "system" is the kernel and
# initrd that a test puts into boot/. For Tests/EndToEndTests/Image.
{
  outputs = _:
    let
      lib = import ../lib;
      build = name: arguments: script: derivation ({
        inherit name;
        system = "x86_64-linux";
        builder = "/bin/bash";
        args = [ "-c" "set -euo pipefail; export PATH=/usr/bin:/bin:/usr/sbin:/sbin; ${script}" ];
      } // arguments);
      packages = import ../packages.nix { inherit lib; } // {
        # nixpkgs hands `env` over as variables.
        runCommand = name: arguments: script: build name arguments.env script // { inherit (arguments) env; };
        # nixpkgs' closureInfo, which nix-store --load-db takes: as the build is told of the references (exportReferencesGraph).
        closureInfo = { rootPaths }: build "closure-info" { exportReferencesGraph = [ "graph" (lib.head rootPaths) ]; } ''
          mkdir $out
          cp graph $out/registration
          while read -r path && read -r _ && read -r count; do
            echo "$path" >> $out/store-paths
            for ((i = 0; i < count; i++)); do read -r _; done
          done < graph
        '';
      };
      toplevel = build "nixos-system" { library = builtins.toFile "library" "what the system needs\n"; } ''
        mkdir $out
        cp ${./boot}/kernel ${./boot}/initrd $out/
        echo "what the system runs first, with $library" > $out/init
      '';
    in
    import ./. { inherit packages toplevel; };
}
