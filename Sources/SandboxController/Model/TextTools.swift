/// What Foundation has for texts and its smaller part has not.
extension String {
    /// With every `old` made `new`, from the left.
    func replacing(each old: String, with new: String) -> String {
        guard !old.isEmpty else { return self }
        var (result, rest) = ("", self[...])
        while let place = rest.place(of: old) {
            result += rest[..<place.lowerBound] + new
            rest = rest[place.upperBound...]
        }
        return result + rest
    }

    /// Without white space and line feeds at its ends.
    var trimmed: String {
        let front = drop(while: \.isWhitespace)
        guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(front[...last])
    }

    /// Whether a version comes before another: runs of digits compare as numbers, so that 6.1.9 is before 6.1.10.
    func isOlderVersion(than other: String) -> Bool {
        var (mine, theirs) = (utf8[...], other.utf8[...])
        while let a = mine.first, let b = theirs.first {
            if a.isDigit, b.isDigit {
                let (first, second) = (mine.prefix(while: \.isDigit), theirs.prefix(while: \.isDigit))
                let (left, right) = (first.drop { $0 == UInt8(ascii: "0") }, second.drop { $0 == UInt8(ascii: "0") })
                if left.count != right.count { return left.count < right.count }
                if !left.elementsEqual(right) { return left.lexicographicallyPrecedes(right) }
                (mine, theirs) = (mine[first.endIndex...], theirs[second.endIndex...])
            } else {
                if a != b { return a < b }
                (mine, theirs) = (mine.dropFirst(), theirs.dropFirst())
            }
        }
        return mine.isEmpty && !theirs.isEmpty
    }
}

extension StringProtocol {
    /// Where a text first is.
    func place(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            let rest = self[start...]
            if rest.hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
