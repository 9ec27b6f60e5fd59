import CLinux
import Glibc

/// A POSIX thread with a stack as small as its work, for the blocking straight-line code of one session.
public enum Thread {
    /// Starts a detached thread.
    /// - Parameter stackKibibytes: at least 16; the default is ample for code that recurses little.
    /// - Throws: `EAGAIN` when the system has no room for another thread.
    public static func start(name: String, stackKibibytes: Int = 256, _ body: @escaping @Sendable () -> Void)
        throws(SystemError)
    {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackKibibytes * 1024)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                Thread.name(box.name)
                box.body()
                return nil
            }, box.toOpaque())
        if code != 0 {
            box.release()
            throw SystemError("start a thread", code: code)
        }
    }

    /// Names the calling thread, for `ps` and debuggers; at most 15 bytes count.
    public static func name(_ name: String) {
        name.withCString { _ = ks_process_control(PR_SET_NAME, UInt(bitPattern: $0)) }
    }

    /// Makes the calling thread, and those that it starts, yield to others (setpriority(2), of one thread on Linux).
    public static func beNicer(by amount: Int32) {
        let which = __priority_which_t(PRIO_PROCESS.rawValue)
        setpriority(which, 0, getpriority(which, 0) + amount)
    }

    private final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
