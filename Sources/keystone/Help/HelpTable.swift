/// Text in columns.
enum HelpTable {
    /// Columns that help never goes beyond, so that it can be read beside something else and quoted in a mail.
    static let width = 100
    /// A left column wider than this gets a line of its own.
    private static let widestLeft = 30

    /// Two columns; the right one is wrapped under itself.
    static func rows(_ rows: [(left: String, right: String)]) -> String {
        let left = min(widestLeft, rows.map(\.left.count).max() ?? 0)
        var text = ""
        for row in rows {
            let wrapped = wrap(row.right, indent: left + 4)
            if row.left.count > left {
                text += "  \(row.left)\n" + wrapped
            } else {
                let start = "  " + row.left + String(repeating: " ", count: left - row.left.count + 2)
                text += start + wrapped.dropFirst(left + 4)
            }
        }
        return text
    }

    /// Lines of at most `width` columns, each with the indentation and a line feed.
    static func wrap(_ text: String, indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = margin
        for word in text.split(separator: " ") {
            if line.count > indent, line.count + 1 + word.count > width {
                lines.append(line)
                line = margin
            }
            line += (line.count > indent ? " " : "") + word
        }
        return (lines + [line]).map { $0 + "\n" }.joined()
    }

    /// A table with a heading, columns as wide as their widest entry, nothing behind the last.
    static func columns(_ rows: [[String]], style: TextStyle = .plain) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.enumerated().map { index, row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return (index == 0 ? style.bold(line) : line) + "\n"
        }.joined()
    }
}
