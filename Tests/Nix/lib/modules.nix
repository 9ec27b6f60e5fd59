# Options and modules: declarations are collected, definitions are merged by priority, `mkIf` is lazy in its condition.
# As nixpkgs' lib/modules.nix, for what our modules use. Errors are sentences that name the option.
{ lib }:

let
  inherit (builtins) attrNames concatMap filter foldl' isAttrs isFunction isPath isString map mapAttrs;
  inherit (lib) optional showOption;
  typeOf = value: if isAttrs value then value._type or "" else "";

  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOrder = priority: content: { _type = "order"; inherit priority content; };
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOption = arguments: { _type = "option"; } // arguments;

  # Through what stands around an attribute set, to its attributes, without looking at any condition: one may depend on
  # an option that is defined right beside it.
  pushDown = value: {
    "merge" = concatMap pushDown value.contents;
    "if" = map (mapAttrs (_: mkIf value.condition)) (pushDown value.content);
    "override" = map (mapAttrs (_: mkOverride value.priority)) (pushDown value.content);
  }.${typeOf value} or [ value ];

  # The values of one option: { priority, order, value }.
  expand = value: {
    "merge" = concatMap expand value.contents;
    "if" =
      if builtins.isBool value.condition then if value.condition then expand value.content else [ ]
      else throw "The condition of an mkIf is no boolean.";
    "override" = map (each: each // { inherit (value) priority; }) (expand value.content);
    "order" = map (each: each // { order = value.priority; }) (expand value.content);
  }.${typeOf value} or [{ priority = 100; order = 1000; inherit value; }];

  # The values that count: those of the lowest number, in their order.
  strongest = values:
    let
      best = foldl' (least: each: if each.priority < least then each.priority else least) 9999 values;
      counted = filter (each: each.priority == best) values;
    in
    map (each: each.value) (builtins.sort (a: b: a.order < b.order) counted);

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      arguments = { inherit lib config options; } // specialArgs;

      collect = module:
        let
          value = if isPath module || isString module then import module else module;
          loaded = if isFunction value then value arguments else value;
          isLong = loaded ? config || loaded ? options;
          unknown = attrNames (removeAttrs loaded [ "imports" "options" "config" "_file" "key" "meta" ]);
        in
        concatMap collect (loaded.imports or [ ]) ++ [
          (if isLong && unknown != [ ] then
            throw "A module has config or options, so ${showOption unknown} beside them has no meaning."
          else {
            options = loaded.options or { };
            config = if isLong then loaded.config or { } else removeAttrs loaded [ "imports" "_file" "key" "meta" ];
          })
        ];
      collected = concatMap collect modules;

      declare = path: a: b:
        if typeOf a == "option" || typeOf b == "option" then
          throw "The option ${showOption path} is declared twice."
        else a // mapAttrs (name: value: if a ? ${name} then declare (path ++ [ name ]) a.${name} value else value) b;
      options = foldl' (declare prefix) { } (map (module: module.options) collected);

      config = evaluate prefix options (concatMap (module: pushDown module.config) collected);

      evaluate = path: tree: definitions:
        let
          unknown = filter (name: !tree ? ${name}) (concatMap attrNames definitions);
        in
        if unknown != [ ] then
          throw "There is no option ${showOption (path ++ [ (builtins.head unknown) ])}."
        else
          mapAttrs
            (name: subtree:
              let
                place = path ++ [ name ];
                given = concatMap (definition: optional (definition ? ${name}) definition.${name}) definitions;
              in
              if typeOf subtree == "option" then settle place subtree given
              else evaluate place subtree (concatMap pushDown given))
            tree;

      settle = place: option: given:
        let
          default = optional (option ? default) (mkOverride 1500 option.default);
          values = strongest (concatMap expand (given ++ default));
          checked = map
            (value:
              if option.type.check value then value
              else throw "A definition for ${showOption place} is not of type: ${option.type.description}.")
            values;
          merged = option.type.merge place checked;
        in
        if option.readOnly or false && builtins.length given > 1 then throw "The option ${showOption place} is read-only."
        else if values == [ ] then option.type.empty or (throw "The option ${showOption place} is used and has no value.")
        else (option.apply or (value: value)) merged;
    in
    { inherit config options; };
in
{
  inherit evalModules expand mkIf mkMerge mkOption mkOverride pushDown strongest;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  mkOptionDefault = mkOverride 1500;
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  mkEnableOption = what: mkOption {
    type = lib.types.bool;
    default = false;
    description = "Whether to enable ${what}.";
  };

  mkPackageOption = pkgs: name: { default ? name, nullable ? false, extraDescription ? "", ... }:
    let path = if builtins.isList default then default else [ default ];
    in mkOption ({
      type = if nullable then lib.types.nullOr lib.types.package else lib.types.package;
      description = "The ${if builtins.isList name then showOption name else name} package to use.${lib.optionalString (extraDescription != "") " ${extraDescription}"}";
    } // (if default == null then { default = null; } else { default = lib.getAttrFromPath path pkgs; }));
}
