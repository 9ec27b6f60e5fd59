import Testing

@testable import SandboxController

@Suite("What Foundation would do for texts")
struct TextToolTests {
    @Test(arguments: [
        ("6.1.9-amd64", "6.1.10-amd64", true), ("6.1.10", "6.1.9", false), ("6.1", "6.1.1", true),
        ("6.1", "6.1", false),
        ("6.1.0-9-cloud", "6.1.0-56-amd64", true), ("5", "06", true), ("06", "5", false), ("a", "b", true),
        ("6.1", "6.a", true), ("", "0", true),
    ])
    func versionsCompareByTheirNumbers(_ a: String, _ b: String, _ isOlder: Bool) {
        #expect(a.isOlderVersion(than: b) == isOlder)
    }

    @Test func everyOccurrenceIsReplacedOnce() {
        #expect("$O/lib:$O".replacing(each: "$O", with: "/a/$O") == "/a/$O/lib:/a/$O")
        #expect("aaa".replacing(each: "aa", with: "b") == "ba")
        #expect("".replacing(each: "a", with: "b") == "" && "a".replacing(each: "", with: "b") == "a")
        #expect("x.ko.xz".place(of: ".ko").map { "x.ko.xz"[..<$0.upperBound] } == "x.ko")
        #expect("abc".place(of: "abcd") == nil && "abc".place(of: "d") == nil)
    }

    @Test func whiteSpaceGoesFromTheEndsOnly() {
        #expect(" \t a b\r\n\n".trimmed == "a b" && " \n".trimmed == "" && "".trimmed == "")
    }

    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a/b/", "/a", "b"), ("/a", "/", "a"), ("/", "/", "/"), ("a/b", "a", "b"), ("a", "", "a"),
        ("", "", ""), ("//a//b", "/a", "b"),
    ])
    func pathsComeApart(_ path: String, _ parent: String, _ last: String) {
        #expect(path.parentPath == parent && path.lastPathPart == last)
    }

    @Test func anyJSONIsUnderstoodAndNothingElse() {
        let text = #"{"a":"1","b":[1,true,null,"x"],"c":{"d":2.5}}"#
        let object = JSONValue(text.utf8)?.object
        #expect(object?["a"]?.text == "1" && object?["c"]?.object?["d"]?.number == 2.5)
        #expect(object?["b"]?.list?.count == 4 && object?["b"]?.list?[0].text == nil)
        #expect(JSONValue("{".utf8) == nil && JSONValue("".utf8) == nil)
        #expect(JSONValue(String(repeating: "[", count: 100_000).utf8) == nil)
    }
}
