# A server of the Model Context Protocol beside the project, for a program that the image's owner chooses. What it is told, it
# is told by its environment: MCP_HOST, MCP_PORT, MCP_ALLOWED_ORIGIN and MCP_WORKSPACE.
{ config, lib, pkgs, ... }:

let
  inherit (lib) concatStringsSep getExe getExe' mkEnableOption mkIf mkMerge mkOption optionalAttrs optionals types;
  cfg = config.services.agent-mcp;
  url = "http://127.0.0.1:${toString cfg.port}${toString cfg.health.path}";
  check = "${getExe pkgs.curl} --silent --show-error --fail --max-time ${toString cfg.health.timeoutSec} --output /dev/null";
in
{
  options.services.agent-mcp = {
    enable = mkEnableOption "an MCP server in the sandbox";

    package = mkOption {
      type = types.nullOr types.package;
      default = null;
      description = "The server: its main program is run. It reads MCP_HOST, MCP_PORT, MCP_ALLOWED_ORIGIN and MCP_WORKSPACE.";
    };

    arguments = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Arguments of the server's program.";
    };

    user = mkOption {
      type = types.str;
      default = "sandbox";
      description = "Who the server runs as. The sandbox's own user can write what the project's owner can.";
    };

    group = mkOption {
      type = types.str;
      default = "sandbox";
      description = "The server's group.";
    };

    workspaceDir = mkOption {
      type = types.path;
      default = "/workspace";
      description = "The folder that the server works in.";
    };

    port = mkOption {
      type = types.port;
      default = 8000;
      description = "The TCP port that the server listens on, on the guest's loopback. It is not opened in the firewall.";
    };

    allowedOrigin = mkOption {
      type = types.str;
      default = "https://claude.ai";
      description = "The origin from which web pages may talk to the server, for its answer to cross-origin requests.";
    };

    shell = mkOption {
      type = types.nullOr types.package;
      default = null;
      example = lib.literalExpression "pkgs.mkShell { packages = [ pkgs.go ]; }";
      description = "A development shell whose programs the server and what it starts find in PATH.";
    };

    extraEnvironment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = { LOG_LEVEL = "debug"; };
      description = "More variables of the server. They are in the store, which everybody can read: no secrets.";
    };

    hardening = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the server may write to its folder and its own temporary files only, gains no rights by set-uid programs, and sees nobody's home.";
    };

    health = {
      path = mkOption {
        type = types.nullOr (types.strMatching "/[^ ]*");
        default = "/health";
        description = "What the server answers with success to, over HTTP, when it works; null: it is not asked.";
      };

      timeoutSec = mkOption {
        type = types.ints.positive;
        default = 5;
        description = "Seconds that an answer may take.";
      };

      startupSec = mkOption {
        type = types.ints.positive;
        default = 30;
        description = "Seconds that the server may take from its start to its first answer; it has failed then.";
      };

      intervalSec = mkOption {
        type = types.ints.positive;
        default = 60;
        description = "Seconds between two questions. A server that doesn't answer is restarted.";
      };
    };

    restart = {
      policy = mkOption {
        type = types.enum [ "no" "on-failure" "always" ];
        default = "on-failure";
        description = "When systemd starts a server again that has ended (Restart= of systemd.service(5)).";
      };

      delaySec = mkOption {
        type = types.ints.positive;
        default = 5;
        description = "Seconds from its end to its next start.";
      };

      burst = mkOption {
        type = types.ints.positive;
        default = 3;
        description = "How many starts within a minute are enough to give up.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      assertions = [
        {
          assertion = cfg.package != null;
          message = "services.agent-mcp is enabled in this sandbox, but has no program: set services.agent-mcp.package to the MCP server.";
        }
      ];

      systemd.services.agent-mcp = {
        description = "MCP server of the sandbox";
        after = [ "network.target" "keystone-guest-agent.service" ];
        unitConfig = {
          RequiresMountsFor = cfg.workspaceDir;
          StartLimitIntervalSec = 60;
          StartLimitBurst = cfg.restart.burst;
        };
        environment = {
          MCP_HOST = "127.0.0.1";
          MCP_PORT = toString cfg.port;
          MCP_ALLOWED_ORIGIN = cfg.allowedOrigin;
          MCP_WORKSPACE = cfg.workspaceDir;
        } // cfg.extraEnvironment;
        path = [ pkgs.bash pkgs.git ]
          ++ optionals (cfg.shell != null) ((cfg.shell.buildInputs or [ ]) ++ (cfg.shell.nativeBuildInputs or [ ]));

        serviceConfig = {
          Type = "exec";
          ExecStart = concatStringsSep " " ([ (getExe cfg.package) ] ++ map lib.escapeShellArg cfg.arguments);
          User = cfg.user;
          Group = cfg.group;
          WorkingDirectory = cfg.workspaceDir;
          Restart = cfg.restart.policy;
          RestartSec = cfg.restart.delaySec;
          KillMode = "mixed";
          TimeoutStopSec = 10;
          StandardOutput = "journal";
          StandardError = "journal";
          SyslogIdentifier = "agent-mcp";
        } // optionalAttrs cfg.hardening {
          NoNewPrivileges = true;
          CapabilityBoundingSet = "";
          ProtectSystem = "strict";
          ProtectHome = "tmpfs";
          ReadWritePaths = [ cfg.workspaceDir ];
          PrivateTmp = true;
          PrivateDevices = true;
          ProtectClock = true;
          ProtectControlGroups = true;
          ProtectKernelLogs = true;
          ProtectKernelModules = true;
          ProtectKernelTunables = true;
          RestrictSUIDSGID = true;
          RestrictRealtime = true;
          LockPersonality = true;
          RemoveIPC = true;
        };
      };
    }

    # Started once the host has given the sandbox's user its ids, of which the agent leaves this file: earlier the server
    # would run with ids that no file of the workspace has.
    {
      systemd.paths.agent-mcp = {
        description = "Wait for the sandbox's user";
        wantedBy = [ "multi-user.target" ];
        pathConfig.PathExists = "/run/keystone-user";
      };
    }

    (mkIf (cfg.health.path != null) {
      systemd.services.agent-mcp.serviceConfig = {
        # curl itself tries again until the server listens.
        ExecStartPost = "${check} --retry-all-errors --retry ${toString cfg.health.startupSec} --retry-delay 1 --retry-max-time ${toString cfg.health.startupSec} ${url}";
        TimeoutStartSec = cfg.health.startupSec + cfg.health.timeoutSec + 10;
      };

      systemd.services.agent-mcp-health = {
        description = "Question to the sandbox's MCP server whether it works";
        serviceConfig = {
          Type = "oneshot";
          ExecCondition = "${getExe' pkgs.systemd "systemctl"} --quiet is-active agent-mcp.service";
          ExecStart = "${check} ${url}";
        };
        onFailure = [ "agent-mcp-restart.service" ];
      };

      systemd.services.agent-mcp-restart = {
        description = "Restart of the sandbox's MCP server, which doesn't answer";
        serviceConfig = {
          Type = "oneshot";
          ExecStart = "${getExe' pkgs.systemd "systemctl"} try-restart agent-mcp.service";
        };
      };

      systemd.timers.agent-mcp-health = {
        description = "Regular question to the sandbox's MCP server";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnActiveSec = cfg.health.intervalSec;
          OnUnitInactiveSec = cfg.health.intervalSec;
          AccuracySec = "1s";
        };
      };
    })
  ]);
}
