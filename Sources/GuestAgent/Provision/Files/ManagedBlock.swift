/// Lines of ours in a file that others write in too: between two marks, replaced as a whole.
struct ManagedBlock: Sendable {
    /// For files whose comments begin with `#`.
    static let numberSign = ManagedBlock(
        begin: "# >>> keystone agent: written by provisioning, changes in here are lost >>>",
        end: "# <<< keystone agent <<<")

    let begin: String
    let end: String

    /// - Parameter lines: without line ends. Without any, the marks go too.
    /// - Throws: when one of the marks is missing: what belongs to the block can't be told then.
    func replacing(in text: [UInt8], with lines: [String], file: String) throws(StepFailure) -> [UInt8] {
        var rest = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if rest.last?.isEmpty == true { rest.removeLast() }
        let begins = rest.indices.filter { rest[$0].elementsEqual(begin.utf8) }
        let ends = rest.indices.filter { rest[$0].elementsEqual(end.utf8) }
        guard begins.count == ends.count, begins.count <= 1, (begins.first ?? 0) <= (ends.first ?? 0) else {
            throw StepFailure("the marks of the managed lines in \(file) are not a pair; remove these lines by hand")
        }
        let block = lines.isEmpty ? [] : ([begin] + lines + [end]).map { Array($0.utf8)[...] }
        if let first = begins.first, let last = ends.first {
            rest.replaceSubrange(first...last, with: block)
        } else {
            if block.isEmpty { return text }
            rest.append(contentsOf: block)
        }
        return Array(rest.joined(separator: [UInt8(ascii: "\n")])) + (rest.isEmpty ? [] : [UInt8(ascii: "\n")])
    }
}
