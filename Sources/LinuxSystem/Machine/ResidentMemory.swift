import Glibc

/// What a long-lived process holds without need.
public enum ResidentMemory {
    /// Unmaps the pages of the program's code until they are used again. The kernel maps 16 pages around each one that is
    /// touched (`do_fault_around`), so after its start a static Swift program holds 3.5 MiB of code, of which an idle agent
    /// uses 0.5. Costs some twenty minor faults when work comes; no disk is read as long as the file is in the page cache.
    public static func release() {
        // A private mapping that was never written: its pages are the file's, and come back from there (madvise(2)).
        if let code {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: code.lowerBound), code.count, Int32(MADV_DONTNEED))
        }
    }

    private static let code = findCode()

    /// The executable mapping in which this function lies, from proc_pid_maps(5).
    private static func findCode() -> Range<UInt>? {
        do throws(SystemError) {
            let text = try SmallFile.read("/proc/self/maps")
            return text.split(separator: UInt8(ascii: "\n")).lazy.compactMap(codeMapping).first
        } catch {
            return nil
        }
    }

    /// A line as `00400000-009d2000 r-xp 00000000 00:02 664    /usr/sbin/keystone-guest-agent`: the first one that is the
    /// program's, whose file has a number, unlike the kernel's own.
    static func codeMapping(_ line: ArraySlice<UInt8>) -> Range<UInt>? {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard words.count > 5, words[1].elementsEqual("r-xp".utf8), words[4].first != UInt8(ascii: "0") else {
            return nil
        }
        let ends = words[0].split(separator: UInt8(ascii: "-"))
        guard ends.count == 2, let start = UInt(String(decoding: ends[0], as: UTF8.self), radix: 16),
            let end = UInt(String(decoding: ends[1], as: UTF8.self), radix: 16), start < end
        else { return nil }
        return start..<end
    }
}
