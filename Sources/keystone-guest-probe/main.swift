import Glibc
import LinuxSystem

let usage = """
    keystone-guest-probe: measures a guest from inside.

      echo-server PORT       sends back what comes on vsock PORT; prints "ready"
      echo-loop PORT         the same, one connection after the other on one thread
      source PORT [MIB]      streams MIB mebibytes (without: until the peer goes) to who connects
      relay PORT             streams its stdin to who connects
      sink PORT              swallows what comes until the peer ends its stream
      spawn COUNT PROGRAM…   starts and waits for PROGRAM; prints microseconds
      spawn-server PORT PROGRAM…
                             starts and waits for PROGRAM for each byte that comes, then sends the byte back: one
                             exchange and one start, begun on an idle guest as a command from the host is
      search                 looks for the byte strings on its stdin (hexadecimal, one a line) in every file, command line
                             and environment of the guest
      clock-change           sets the clock forth and back and prints how often the agent's and monitor's way of noticing did
      hostile MODE [SECONDS] speaks the protocol badly to the host; modes: \(HostileAgent.modes)
      event-server PORT DIR TCP
                             for each byte that comes mounts a file system at DIR, or unmounts it (m), fills another
                             or empties it (f), or listens on a TCP port, or ends that (p), then sends the byte back
      dial CID PORT          dials over vsock and prints what came of it
      socket-echo PATH       sends back what comes on the UNIX socket PATH, which it makes; prints "ready"
      map FILE TEXT          writes TEXT at the beginning of FILE through a shared mapping
      send CID PORT          sends its stdin there and prints how many bytes were answered
      dial-out               as PID 1: loads modules, sends the host one byte, powers off

    """

func complain(_ sentence: String) -> Never {
    Probe.say("keystone-guest-probe: \(sentence)\n", to: 2)
    exit(2)
}

func port(_ text: String?) -> UInt32 {
    guard let text, let port = UInt32(text) else { complain("a port number is needed; see --help") }
    return port
}

let arguments = Array(CommandLine.arguments.dropFirst())
if getpid() == 1 { DialOut.run() }
Signals.ignoreBrokenPipe()
switch arguments.first {
case "echo-server": Probe.serve(port(arguments.dropFirst().first), Stream.echo)
case "echo-loop": Probe.serve(port(arguments.dropFirst().first), inTurn: true, Stream.echo)
case "source":
    let mebibytes = arguments.dropFirst(2).first.flatMap(Int.init)
    Probe.serve(port(arguments.dropFirst().first)) { Stream.source($0, bytes: mebibytes.map { $0 << 20 } ?? .max) }
case "relay": Probe.serve(port(arguments.dropFirst().first), Stream.relay)
case "sink": Probe.serve(port(arguments.dropFirst().first), Stream.sink)
case "spawn":
    guard let count = arguments.dropFirst().first.flatMap(Int.init), count > 0, arguments.count > 2 else {
        complain("spawn needs a count and a program")
    }
    SpawnTimes.measure(count, Array(arguments.dropFirst(2)))
case "spawn-server":
    let command = Array(arguments.dropFirst(2))
    guard !command.isEmpty else { complain("spawn-server needs a port and a program") }
    Probe.serve(port(arguments.dropFirst().first)) { SpawnTimes.answer($0, command) }
case "search": Search.run()
case "event-server":
    guard arguments.count == 4, let listening = UInt16(arguments[3]) else {
        complain("event-server needs a port, a folder and a TCP port")
    }
    Probe.serve(port(arguments[1])) { Stream.events($0, arguments[2], listening) }
case "hostile": HostileAgent.run(Array(arguments.dropFirst()))
case "dial":
    guard let cid = arguments.dropFirst().first.flatMap(UInt32.init) else { complain("dial needs a CID and a port") }
    Stranger.dial(cid, port(arguments.dropFirst(2).first))
case "send": Dial.run(cid: port(arguments.dropFirst().first), port: port(arguments.dropFirst(2).first))
case "socket-echo": SocketEcho.run(arguments.dropFirst().first ?? "")
case "map": SharedMapping.write(Array(arguments.dropFirst()))
case "clock-change": ClockChanges.count()
case "--help": Probe.say(usage)
default: complain("no such measurement; see --help")
}
