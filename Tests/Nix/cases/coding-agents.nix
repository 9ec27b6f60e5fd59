# keystone.guest.agents: no question is asked where nobody answers.
{ lib }:

let
  config = agents: (import ../guest.nix { inherit lib; modules = [{ keystone.guest = { enable = true; inherit agents; }; }]; }).config;
  program = name: agents: lib.head (lib.filter (package: lib.getName package == name) (config agents).environment.systemPackages ++ [ null ]);
  text = name: agents: (program name agents).text;
  contains = needle: haystack: builtins.match ".*${needle}.*" (builtins.replaceStrings [ "\n" ] [ " " ] haystack) != null;
in
{
  noCodingAgentIsThereUnlessAskedFor = {
    expected = [ null null null null ];
    actual = map (name: program name { }) [ "claude" "claude-code" "gemini" "codex" ];
  };
  claudeCodeDoesNotAsk = {
    expected = true;
    actual = contains "exec /nix/store/test-claude-code/bin/claude --dangerously-skip-permissions \"\\$@\"" (text "claude" { claudeCode.enable = true; });
  };
  claudeCodeRunsAsRootToo = { expected = true; actual = contains "export IS_SANDBOX=1" (text "claude" { claudeCode.enable = true; }); };
  claudeCodeCanAsk = {
    expected = { wrapped = null; plain = "claude-code"; };
    actual =
      let agents = { claudeCode = { enable = true; autoAccept = false; }; };
      in { wrapped = program "claude" agents; plain = (program "claude-code" agents).name; };
  };
  geminiDoesNotAsk = { expected = true; actual = contains "--approval-mode=yolo \"\\$@\"" (text "gemini" { geminiCli.enable = true; }); };
  geminiTrustsTheWorkspace = {
    expected = { security.folderTrust.enabled = false; };
    actual = builtins.fromJSON (config { geminiCli.enable = true; }).environment.etc."gemini-cli/settings.json".text;
  };
  codexDoesNotAsk = {
    expected = "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n";
    actual = (config { codex.enable = true; }).environment.etc."codex/config.toml".text;
  };
  codexCanAsk = { expected = false; actual = (config { codex = { enable = true; autoAccept = false; }; }).environment.etc ? "codex/config.toml"; };
}
