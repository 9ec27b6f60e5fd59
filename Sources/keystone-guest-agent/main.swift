import AgentProtocol
import Glibc
import GuestAgent

let usage = """
    keystone-guest-agent: runs commands in a virtual machine for its host, over virtio-vsock.

    As PID 1 it sets the machine up and keeps an agent running. Otherwise:

      keystone-guest-agent serve [OPTION VALUE]…
          --listen vsock|unix:PATH       where the host dials (unix: PATH_\(Ports.operations)); default vsock
          --report vsock|unix:PATH|none  where the host listens for the hello; default vsock
          --credential FILE              the boot credential; default: systemd's credential, else fw_cfg
          --cgroup DIRECTORY|none        where to make a cgroup for each session; default: where it may
          --user USER[:GROUP]            who commands run as unless told; default root
          --provision-root DIRECTORY     what to provision; default: / over vsock, else nothing
          --hello-after DESCRIPTOR       say hello when this inherited pipe ends
      keystone-guest-agent end-sessions DIRECTORY
                                         ends what runs in the cgroups below, for a machine that goes down
      keystone-guest-agent --version
      keystone-guest-agent --help

    """

func complain(_ sentence: String) -> Never {
    AgentLog.say("\(sentence) See keystone-guest-agent --help.")
    exit(2)
}

let arguments = Array(CommandLine.arguments.dropFirst())
if getpid() == 1 { GuestSystemInit.run() }
switch arguments.first {
case "serve":
    do throws(AgentOptions.UsageError) {
        exit(AgentService.run(try AgentOptions(arguments: Array(arguments.dropFirst()))))
    } catch {
        complain(error.message)
    }
case "end-sessions":
    guard arguments.count == 2 else { complain("end-sessions needs a directory.") }
    exit(SessionsEnd.run(arguments[1]))
case "--help", "-h": print(usage, terminator: "")
case "--version": print("keystone-guest-agent \(SoftwareVersion.current)")
case .some(let other): complain("Unknown command \(other).")
case nil: complain("No command is given.")
}
