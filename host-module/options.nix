# Options that the NixOS module and the home-manager module have in common, and the configuration file that they come to.
{ config, lib, pkgs }:

let
  inherit (lib) filterAttrs mkEnableOption mkOption mkPackageOption types;
  cfg = config.keystone.agent;

  codingAgent = name: {
    enable = mkEnableOption "${name} in the image";
    autoAccept = mkOption {
      type = types.bool;
      default = true;
      description = "Whether ${name} runs commands and edits files in a sandbox without asking.";
    };
  };

  tokenSource = types.either (types.enum [ false ]) (types.attrsOf (types.either types.str (types.listOf types.str)));
in
{
  options = {
    enable = mkEnableOption "Keystone Agent, which starts sandboxes for coding agents";

    package = mkPackageOption pkgs "keystone-agent" { };

    backend.type = mkOption {
      type = types.enum [ "qemu" ];
      default = "qemu";
      description = "What runs the sandboxes.";
    };

    backend.vsock = mkOption {
      type = types.enum [ "auto" "vhost" "vhost-user" ];
      default = "auto";
      description = "How a sandbox reaches its host: `vhost-user` by a device of our own, which needs no right, `vhost` by the kernel's, `auto` by whichever is right here.";
    };

    sandbox = {
      memory = mkOption {
        type = types.ints.between 1024 16777216;
        default = 8192;
        description = "Memory of a new sandbox in MiB.";
      };

      vcpus = mkOption {
        type = types.ints.between 1 255;
        default = 4;
        description = "Virtual processors of a new sandbox.";
      };

      nestedVirtualization = mkOption {
        type = types.bool;
        default = true;
        description = "Whether a new sandbox can run virtual machines itself. On NixOS the host's KVM is told so too.";
      };

      network = mkOption {
        type = types.strMatching "user|none|(tap|bridge)(:[^:/, ]{1,15})?";
        default = "user";
        example = "bridge:br0";
        description = "Network of a new sandbox: `user` (outgoing only, needs no right), `none`, `tap[:INTERFACE]` or `bridge[:BRIDGE]`.";
      };

      shareSecurity = mkOption {
        type = types.enum [ "auto" "none" "mapped" ];
        default = "auto";
        description = "How owners and modes on the project's share are kept; `auto` takes `none` for ordinary users and `mapped` for root.";
      };

      idleTimeout = mkOption {
        type = types.nullOr (types.strMatching "never|[0-9.]+((ms|s|m|min|h)[0-9.]*)*");
        default = null;
        example = "2h";
        description = "How long a sandbox may be without a session, a task and a forward before it stops, such as `30m` or `1h30m`; null or `never`: it stays.";
      };

      persist = mkOption {
        type = types.bool;
        default = true;
        description = "Whether a new sandbox stays when it stops, to be started again; false: it is removed then, with its logs.";
      };

      memoryLimit = mkOption {
        type = types.nullOr (types.strMatching "none|[0-9]+[kKmMgGtT]?");
        default = null;
        example = "12G";
        description = "How much memory of the host a sandbox's processes may take all together; null or `none`: no limit.";
      };

      cpuLimit = mkOption {
        type = types.nullOr (types.strMatching "none|[0-9]+([.][0-9]+)?");
        default = null;
        example = "1.5";
        description = "How many of the host's processors a sandbox's processes may keep busy, such as `1.5`; null or `none`: no limit.";
      };
    };

    image = {
      package = mkOption {
        type = types.nullOr types.package;
        default = null;
        description = "The image that new sandboxes boot from, a folder with image.json, taken in at login; null: whatever `keystone agent image build` made. The flake's modules put here what `guest` describes.";
      };

      name = mkOption {
        type = types.strMatching "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
        default = "nixos";
        description = "What image.package is called: lower-case letters, digits and dashes, at most 63.";
      };
    };

    guest = {
      packages = mkOption {
        type = types.listOf types.package;
        default = [ ];
        description = "Packages in the image that the flake's modules build.";
      };

      agents = {
        claudeCode = codingAgent "Claude Code";
        geminiCli = codingAgent "Gemini CLI";
        codex = codingAgent "Codex";
      };

      modules = mkOption {
        type = types.listOf types.raw;
        default = [ ];
        example = lib.literalExpression "[ { keystone.guest.sudo.enable = false; } ]";
        description = "NixOS modules for that image.";
      };
    };

    tokens = mkOption {
      type = types.attrsOf tokenSource;
      default = { };
      example = {
        ANTHROPIC_API_KEY.file = "/run/agenix/anthropic";
        GITHUB_TOKEN.command = [ "pass" "show" "github" ];
        OPENAI_API_KEY = false;
      };
      description = "Where each API key comes from at a start: `{ env = NAME; }`, `{ file = PATH; }`, `{ command = [ … ]; }`, or false for never. Values have no place here: the store is for everybody to read.";
    };

    envFiles = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ ".env" ];
      description = "Files of a project whose variables every command in its sandbox gets.";
    };
  };

  # As Sources/SandboxController/Configuration reads it.
  configuration = filterAttrs (_: value: value != null) {
    backend = cfg.backend.type;
    vsock = if cfg.backend.vsock == "auto" then null else cfg.backend.vsock;
    inherit (cfg.sandbox) memory vcpus network shareSecurity idleTimeout memoryLimit cpuLimit;
    persist = if cfg.sandbox.persist then null else false;
    nested = cfg.sandbox.nestedVirtualization;
    image = if cfg.image.package == null then null else cfg.image.name;
    tokens = if cfg.tokens == { } then null else cfg.tokens;
    envFiles = if cfg.envFiles == [ ] then null else cfg.envFiles;
  };

  # Of one source exactly, and of a kind that there is.
  assertions = lib.mapAttrsToList
    (name: source: {
      assertion = source == false || (builtins.length (builtins.attrNames source) == 1
        && builtins.all (kind: builtins.elem kind [ "env" "file" "command" ]) (builtins.attrNames source));
      message = "keystone.agent.tokens.${name} is to have one source: { env = NAME; }, { file = PATH; }, { command = [ PROGRAM … ]; } or false.";
    })
    cfg.tokens
  ++ lib.mapAttrsToList
    (name: source: {
      assertion = !(builtins.isAttrs source) || builtins.isList (source.command or [ ]);
      message = "keystone.agent.tokens.${name}.command is run without a shell: write it as a list, [ PROGRAM ARGUMENT … ].";
    })
    cfg.tokens;

  importImage = "${lib.getExe cfg.package} agent image import ${cfg.image.package} --name ${cfg.image.name}";
}
