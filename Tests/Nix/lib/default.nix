# What the modules use of nixpkgs' `lib`, so that they can be evaluated where there is no nixpkgs.
# The names and what they mean are nixpkgs' own; nothing here is more than a module of ours needs.
let
  inherit (builtins) all attrNames attrValues concatLists concatStringsSep elem filter foldl' genList head isAttrs isList
    isString length listToAttrs map mapAttrs replaceStrings stringLength substring tail toJSON;

  letters = text: genList (i: substring i 1 text) 26;
  lowerLetters = letters "abcdefghijklmnopqrstuvwxyz";
  upperLetters = letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  lib = rec {
    inherit (builtins) all any attrNames attrValues concatLists concatMap concatStringsSep elem filter foldl' hasAttr head
      isAttrs isBool isFunction isInt isList isString length listToAttrs map mapAttrs match removeAttrs tail toJSON;

    # Strings
    concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
    optionalString = condition: text: if condition then text else "";
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    hasSuffix = suffix: text:
      let start = stringLength text - stringLength suffix;
      in start >= 0 && substring start (stringLength suffix) text == suffix;
    boolToString = value: if value then "true" else "false";
    escapeShellArg = value: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString value)}'";
    escapeShellArgs = concatMapStringsSep " " escapeShellArg;
    splitString = separator: text: filter isString (builtins.split "[${separator}]" text);
    versionOlder = a: b: builtins.compareVersions a b < 0;
    versionAtLeast = a: b: !versionOlder a b;
    toUpper = replaceStrings lowerLetters upperLetters;
    toLower = replaceStrings upperLetters lowerLetters;

    # Lists
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    unique = foldl' (seen: item: if elem item seen then seen else seen ++ [ item ]) [ ];
    foldr = f: start: list: if list == [ ] then start else f (head list) (foldr f start (tail list));
    last = list: builtins.elemAt list (length list - 1);
    flatten = value: if isList value then builtins.concatMap flatten value else [ value ];
    genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);

    # Attribute sets
    nameValuePair = name: value: { inherit name value; };
    optionalAttrs = condition: set: if condition then set else { };
    filterAttrs = f: set: removeAttrs set (filter (name: !f name set.${name}) (attrNames set));
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    concatMapAttrs = f: set: foldl' (all: one: all // one) { } (mapAttrsToList f set);
    recursiveUpdate = a: b:
      if isAttrs a && isAttrs b
      then a // mapAttrs (name: value: if a ? ${name} then recursiveUpdate a.${name} value else value) b
      else b;
    attrByPath = path: default: set:
      if path == [ ] then set
      else if isAttrs set && set ? ${head path} then attrByPath (tail path) default set.${head path}
      else default;
    hasAttrByPath = path: set: attrByPath path null set != null;
    getAttrFromPath = path: attrByPath path (throw "There is no ${showOption path}.");

    # Programs of packages
    getExe' = package: name: "${package}/bin/${name}";
    getExe = package: getExe' package (package.meta.mainProgram or package.pname);
    makeBinPath = concatMapStringsSep ":" (package: "${package}/bin");
    getVersion = package: package.version;
    fileset = {
      unions = list: list;
      toSource = { root, fileset }: builtins.seq (all (path: builtins.pathExists path || throw "There is no ${toString path}.") fileset) root;
    };
    concatStrings = concatStringsSep "";
    getName = package: package.pname or package.name;
    isDerivation = value: isAttrs value && value.type or null == "derivation";

    # Documentation
    literalExpression = text: { _type = "literalExpression"; inherit text; };

    showOption = concatStringsSep ".";
    types = import ./types.nix { inherit lib; };
    inherit (import ./modules.nix { inherit lib; }) evalModules mkAfter mkBefore mkDefault mkEnableOption mkForce mkIf mkMerge
      mkOption mkOptionDefault mkOverride mkPackageOption pushDown expand;
  };
in
lib
