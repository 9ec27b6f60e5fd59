import Foundation

/// What the command line asks for.
struct BenchOptions: Equatable {
    /// In the order of `Topic.allCases`, each once.
    var topics = Topic.allCases
    /// Rounds of each interleaved measurement; nil for each topic's own default.
    var rounds: Int?
    var jsonFile: String?
    /// The sandbox's virtual processors.
    var processors = 2
    /// Where image and sandbox are made; nil for a temporary folder that is removed.
    var stateFolder: String?
    /// In each tree of the ownership topic.
    var files = 20_000
    /// Of the sandboxes that health lists.
    var running = 10

    enum Outcome: Equatable {
        case run(BenchOptions)
        case help
        case wrong(String)
    }

    static let help = """
        Usage: keystone-bench [exec|start|stop|provision|throughput|memory|ownership|health|all]... [OPTION]...

        Measures Keystone Agent against what it can't beat: the vsock device alone, a spawn inside the guest, a bare
        program that dials the host. Both sides are measured in one run, in turns, and printed with their ratio.

        Topics (default: all):
          exec         /bin/true in a running sandbox, and what the `keystone` process adds
          start        start to ready
          stop         stop of an idle sandbox, against the guest's own power-off
          provision    what provisioning adds to a start
          throughput   bytes through exec and through the device alone
          memory       sizes, resident memory, wake-ups
          ownership    a new file of the host's; making many owners right, against chown -R in the guest; minutes long
          health       how soon a change is seen, how soon health and list answer, what an idle agent costs; two minutes

        Options:
          --json FILE       also write every figure as JSON
          --rounds N        rounds of each measurement, 1 to 10000 (default: each topic's own)
          --state-dir DIR   keep image and kernel here for the next run (default: a temporary folder, removed)
          --vcpus N         virtual processors of the sandbox, 1 to 16 (default: 2)
          --files N         files in each tree of ownership, 100 to 1000000 (default: 20000)
          --running N       how many of health's 50 listed sandboxes run, 2 to 50 (default: 10); each takes 3 s and 250 MiB
          --help            this text

        The programs keystone, keystone-guest-agent, keystone-vhost-vsock and keystone-guest-probe are taken from the
        folder of keystone-bench. It exits with 0 whatever the figures are, and with 1 when something failed.

        Examples:
          keystone-bench
          keystone-bench exec memory --rounds 50 --json figures.json
        """

    static func parse(_ arguments: [String]) -> Outcome {
        var options = BenchOptions()
        var topics: Set<Topic> = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let option = word.hasPrefix("--") ? parts[0] : ""
            switch option {
            case "":
                if word == "all" {
                    topics.formUnion(Topic.allCases)
                } else if let topic = Topic(rawValue: word) {
                    topics.insert(topic)
                } else {
                    return .wrong("There is no topic \"\(word)\".")
                }
            case "--help": return .help
            case "--json", "--rounds", "--vcpus", "--state-dir", "--files", "--running":
                guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
                    return .wrong("\(option) needs a value.")
                }
                if let sentence = options.set(option, value) { return .wrong(sentence) }
            default: return .wrong("There is no option \(option).")
            }
        }
        if !topics.isEmpty { options.topics = Topic.allCases.filter(topics.contains) }
        return .run(options)
    }

    /// - Returns: why the value can't be, or nil.
    private mutating func set(_ option: String, _ value: String) -> String? {
        switch option {
        case "--json": jsonFile = value
        case "--state-dir": stateFolder = value
        case "--vcpus":
            guard let number = Int(value), (1...16).contains(number) else {
                return "--vcpus needs a number from 1 to 16, not \"\(value)\"."
            }
            processors = number
        case "--files":
            guard let number = Int(value), (100...1_000_000).contains(number) else {
                return "--files needs a number from 100 to 1000000, not \"\(value)\"."
            }
            files = number
        case "--running":
            guard let number = Int(value), (2...50).contains(number) else {
                return "--running needs a number from 2 to 50, not \"\(value)\"."
            }
            running = number
        default:
            guard let number = Int(value), (1...10_000).contains(number) else {
                return "--rounds needs a number from 1 to 10000, not \"\(value)\"."
            }
            rounds = number
        }
        return nil
    }
}
