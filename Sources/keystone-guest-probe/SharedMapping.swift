import Glibc
import LinuxSystem

/// Writes as SQLite and some linkers do, which not every mount allows.
enum SharedMapping {
    static func write(_ arguments: [String]) -> Never {
        guard arguments.count == 2 else { complain("map needs a file and a text") }
        do throws(SystemError) {
            let file = try FileDescriptor.open(arguments[0], O_RDWR)
            let text = Array(arguments[1].utf8)
            guard let memory = mmap(nil, text.count, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0),
                memory != MAP_FAILED
            else { throw SystemError("map \(arguments[0])") }
            memory.copyMemory(from: text, byteCount: text.count)
            guard msync(memory, text.count, MS_SYNC) == 0 else { throw SystemError("write \(arguments[0])") }
            exit(0)
        } catch {
            complain("\(error)")
        }
    }
}
