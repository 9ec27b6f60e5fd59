import Glibc

extension FolderQueue {
    /// Names of one folder's entries, one behind the other.
    struct Names {
        private var bytes: [CChar] = []
        private(set) var count = 0

        mutating func append(_ name: UnsafePointer<CChar>) {
            bytes.append(contentsOf: UnsafeBufferPointer(start: name, count: strlen(name) + 1))
            count += 1
        }

        /// - Parameter body: gets each name, ending with NUL; returns whether to go on.
        func each(_ body: (UnsafePointer<CChar>) -> Bool) {
            bytes.withUnsafeBufferPointer { buffer in
                var next = 0
                while next < buffer.count, let base = buffer.baseAddress {
                    let name = base + next
                    next += strlen(name) + 1
                    if !body(name) { return }
                }
            }
        }
    }
}
