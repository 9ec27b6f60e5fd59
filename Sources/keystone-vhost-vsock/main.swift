import Glibc
import LinuxSystem
import VhostUserVsock

func complain(_ message: String) {
    let line = "keystone-vhost-vsock: \(message)\n"
    _ = line.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
}

switch Options.parse(Array(CommandLine.arguments.dropFirst())) {
case .help: print(Options.help)
case .version: print("keystone-vhost-vsock 0.1.0")
case .wrong(let sentence):
    complain("\(sentence); see --help")
    exit(2)
case .serve(let options):
    // Before anything is made that exit(2) would leave behind.
    if case .descriptor(let number) = options.backEnd, fcntl(number, F_GETFD) < 0 {
        complain("--fd \(number) is not an open descriptor; see --help")
        exit(2)
    }
    Signals.ignoreBrokenPipe()
    do throws(SystemError) {
        var limits = DeviceLimits()
        limits.fitDescriptors()
        let stop = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP])
        let device = try VsockDevice(guestCID: options.guestCID, path: options.path, limits: limits)
        switch options.backEnd {
        case .descriptor(let number):
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            try device.run(FileDescriptor(owning: number), stop: stop)
        case .socket(let path): try device.run(listeningAt: path, stop: stop)
        }
    } catch {
        complain("\(error)")
        exit(1)
    }
}
