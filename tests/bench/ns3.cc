// The same transfer on ns-3, for comparison: 1 MB over TCP, 25 ms one way, 10 Mbit/s, a queue of
// 64 kB, and random loss both ways. Built and run by `ns3.rs`.
//
// Usage: ns3 LOSS SEED MILLISECONDS
// Repeats the transfer with one seed after the other for so long, and prints on one line how many
// packets went over the wire and how many microseconds of real time ns-3 has run. Only the run of
// the simulator is counted, neither building nor tearing down the network.

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/traffic-control-module.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>

using namespace ns3;
using WallClock = std::chrono::steady_clock;

namespace
{

const uint32_t kBytes = 1000000;
const uint32_t kBuffer = 65536;
const uint16_t kPort = 12000;

uint64_t packets = 0;

void
Count(Ptr<const Packet>)
{
    ++packets;
}

NetDeviceContainer
MakeWire(NodeContainer nodes, double loss)
{
    PointToPointHelper wire;
    wire.SetDeviceAttribute("DataRate", StringValue("10Mbps"));
    wire.SetChannelAttribute("Delay", StringValue("25ms"));
    wire.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue("65536B"));
    NetDeviceContainer devices = wire.Install(nodes);
    for (uint32_t index = 0; index < devices.GetN(); ++index)
    {
        Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(loss);
        devices.Get(index)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
        devices.Get(index)->TraceConnectWithoutContext("PhyTxBegin", MakeCallback(&Count));
    }
    return devices;
}

Ptr<PacketSink>
MakeTransfer(NodeContainer nodes, Ipv4Address receiver)
{
    PacketSinkHelper sink("ns3::TcpSocketFactory", InetSocketAddress(Ipv4Address::GetAny(), kPort));
    ApplicationContainer sinks = sink.Install(nodes.Get(1));
    BulkSendHelper bulk("ns3::TcpSocketFactory", InetSocketAddress(receiver, kPort));
    bulk.SetAttribute("MaxBytes", UintegerValue(kBytes));
    bulk.Install(nodes.Get(0));
    return DynamicCast<PacketSink>(sinks.Get(0));
}

// Returns how many microseconds the simulator has run.
int64_t
Transfer(double loss, uint32_t seed)
{
    RngSeedManager::SetRun(seed);
    NodeContainer nodes;
    nodes.Create(2);
    NetDeviceContainer devices = MakeWire(nodes, loss);
    InternetStackHelper stack;
    stack.Install(nodes);
    Ipv4AddressHelper addresses;
    addresses.SetBase("10.0.0.0", "255.255.255.0");
    Ipv4InterfaceContainer interfaces = addresses.Assign(devices);
    // No queue but that of the wire.
    TrafficControlHelper control;
    control.Uninstall(devices);
    Ptr<PacketSink> sink = MakeTransfer(nodes, interfaces.GetAddress(1));

    WallClock::time_point begin = WallClock::now();
    Simulator::Stop(Seconds(36000));
    Simulator::Run();
    WallClock::time_point end = WallClock::now();

    if (sink->GetTotalRx() != kBytes)
    {
        std::cerr << "only " << sink->GetTotalRx() << " bytes arrived\n";
        std::exit(1);
    }
    Simulator::Destroy();
    return std::chrono::duration_cast<std::chrono::microseconds>(end - begin).count();
}

} // namespace

int
main(int count, char* arguments[])
{
    if (count != 4)
    {
        std::cerr << "usage: ns3 LOSS SEED MILLISECONDS\n";
        return 2;
    }
    // As ours: Reno, 1460 bytes a segment, 64 kB of buffer at each end.
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", StringValue("ns3::TcpNewReno"));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1460));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(kBuffer));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(kBuffer));

    double loss = std::atof(arguments[1]);
    uint32_t seed = std::atoi(arguments[2]);
    std::chrono::milliseconds limit(std::atoi(arguments[3]));
    int64_t microseconds = 0;
    WallClock::time_point begin = WallClock::now();
    while (microseconds == 0 || WallClock::now() - begin < limit)
    {
        microseconds += Transfer(loss, seed++);
    }
    std::cout << packets << ' ' << microseconds << '\n';
    return 0;
}
