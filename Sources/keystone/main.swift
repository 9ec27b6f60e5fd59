import Glibc
import SandboxController

let words = Word.ofProcess()
// The monitor is this same program; it is no command for people, so it is not in the tree.
if words.count > 2, words[1] == "agent", words[2] == "__monitor" {
    MonitorProcess.main(arguments: words.dropFirst(3).map(\.text))
}
if words.count > 2, words[1] == "agent", words[2].text == MonitorProcess.endVerb {
    exit(MonitorProcess.end(arguments: words.dropFirst(3).map(\.text)))
}
StandardStream.openMissing()
if words.count > 2, words[1] == CompletionProcess.verb { exit(CompletionProcess.run(Array(words.dropFirst(2)))) }
exit(KeystoneProgram.run(words))
