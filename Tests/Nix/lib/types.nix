# The types that our modules use: what a value may be, in words, and how several definitions become one.
{ lib }:

let
  inherit (builtins) all concatLists concatMap concatStringsSep elem foldl' head isAttrs isBool isFloat isInt isList isPath
    isString length map match substring tail toString;
  inherit (lib) mapAttrs pushDown showOption;

  one = place: values:
    if all (value: value == head values) values then head values
    else throw "The option ${showOption place} has several definitions that differ.";
  simple = name: description: check: { inherit name description check; merge = one; };
  between = name: lowest: highest:
    simple name "integer between ${toString lowest} and ${toString highest} (both inclusive)"
      (value: isInt value && value >= lowest && value <= highest);

  # The value of something that is no option of its own, as nixpkgs' `anything`: sets merge, lists are joined.
  settle = place: values:
    let
      strong = (import ./modules.nix { inherit lib; }).strongest (concatMap lib.expand values);
    in
    if strong == [ ] then null
    else if all (value: isAttrs value && !lib.isDerivation value) strong then mergeSets settle place strong
    else if all isList strong then concatLists strong
    else one place strong;

  mergeSets = mergeOne: place: sets:
    let
      parts = concatMap pushDown sets;
      given = name: concatMap (part: lib.optional (part ? ${name}) part.${name}) parts;
      counted = name: concatMap lib.expand (given name) != [ ];
      names = lib.filter counted (lib.unique (concatMap builtins.attrNames parts));
    in
    lib.genAttrs names (name: mergeOne (place ++ [ name ]) (given name));

  types = rec {
    anything = { name = "anything"; description = "anything"; check = _: true; merge = settle; };
    raw = simple "raw" "raw value" (_: true);
    bool = simple "bool" "boolean" isBool;
    int = simple "int" "signed integer" isInt;
    ints = {
      inherit (types) int;
      between = between "intBetween";
      positive = simple "positiveInt" "positive integer, meaning >0" (value: isInt value && value > 0);
      unsigned = simple "unsignedInt" "unsigned integer, meaning >=0" (value: isInt value && value >= 0);
    };
    number = simple "number" "signed integer or floating point number" (value: isInt value || isFloat value);
    port = between "unsignedInt16" 0 65535 // { description = "16 bit unsigned integer; between 0 and 65535 (both inclusive)"; };
    str = simple "str" "string" isString;
    singleLineStr = simple "singleLineStr" "(optionally newline-terminated) single-line string"
      (value: isString value && match "[^\n\r]*\n?" value != null);
    lines = { name = "lines"; description = "strings concatenated with \"\\n\""; check = isString; merge = _: concatStringsSep "\n"; };
    strMatching = pattern: simple "strMatching" "string matching the pattern ${pattern}"
      (value: isString value && match pattern value != null);
    path = simple "path" "absolute path"
      (value: isPath value || lib.isDerivation value || isString value && substring 0 1 value == "/");
    package = simple "package" "package" (value: lib.isDerivation value);
    enum = values: simple "enum" "one of ${lib.concatMapStringsSep ", " builtins.toJSON values}" (value: elem value values);

    nullOr = type: {
      name = "nullOr";
      description = "null or ${type.description}";
      check = value: value == null || type.check value;
      merge = place: values:
        if all (value: value == null) values then null
        else if elem null values then throw "The option ${showOption place} is both null and not null."
        else type.merge place values;
    };
    either = a: b: {
      name = "either";
      description = "${a.description} or ${b.description}";
      check = value: a.check value || b.check value;
      merge = place: values: (if all a.check values then a else b).merge place values;
    };
    oneOf = types: foldl' either (head types) (tail types);
    listOf = type: {
      name = "listOf";
      description = "list of ${type.description}";
      empty = [ ];
      check = isList;
      merge = place: values: map (value: checked type place value) (concatMap spread (concatLists values));
    };
    attrsOf = type: {
      name = "attrsOf";
      description = "attribute set of ${type.description}";
      empty = { };
      check = isAttrs;
      merge = mergeSets (place: values:
        let strong = (import ./modules.nix { inherit lib; }).strongest (concatMap lib.expand values);
        in type.merge place (map (checkedRaw type place) strong));
    };
    submodule = module: {
      name = "submodule";
      description = "submodule";
      empty = (lib.evalModules { modules = [ module ]; }).config;
      check = value: isAttrs value || lib.isFunction value || isPath value;
      merge = place: values: (lib.evalModules {
        modules = lib.flatten [ module ] ++ values;
        prefix = place;
        specialArgs.name = lib.last place;
      }).config;
    };
    attrs = anything // { check = isAttrs; description = "attribute set"; };
  };

  # A list's elements may be conditional.
  spread = value: map (each: each.value) (lib.expand value);
  checkedRaw = type: place: value:
    if type.check value then value
    else throw "A definition for ${showOption place} is not of type: ${type.description}.";
  checked = type: place: value: type.merge place [ (checkedRaw type place value) ];
in
types
