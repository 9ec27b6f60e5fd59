/// A group of figures that can be asked for by name.
enum Topic: String, CaseIterable, Codable {
    case exec, start, stop, provision, throughput, memory, ownership, health
}
