import Testing

@testable import GuestAgent

/// Where the agent makes its cgroups, by the one that it was started in.
@Suite struct ControlGroupPlaceTests {
    private func place(_ own: String) -> ControlGroupTree.Place { ControlGroupTree.Place(own: own) }

    @Test func underOurInitTheRootOfTheHierarchyIsOurs() {
        let expected = ControlGroupTree.Place(base: "/sys/fs/cgroup/keystone", passesControllers: true)
        #expect(place("/") == expected)
        #expect(place("/keystone/agent") == expected, "an agent that was started again")
    }

    @Test func aSubgroupOfSystemdsLeavesTheServiceFreeForControllers() {
        #expect(
            place("/system.slice/keystone-guest-agent.service/agent")
                == .init(base: "/sys/fs/cgroup/system.slice/keystone-guest-agent.service", passesControllers: true))
    }

    /// systemd before 254 starts the next agent in the service's own group, which may then not pass controllers down.
    @Test func aServiceWithoutASubgroupPassesNoControllersDown() {
        #expect(
            place("/system.slice/keystone-guest-agent.service")
                == .init(base: "/sys/fs/cgroup/system.slice/keystone-guest-agent.service", passesControllers: false))
    }
}
