package resttest

import (
	"context"
	"net"

	"github.com/grovecloud/grove"
)

// Street is a network with a printer at each address, which is the one that is
// looked for and takes every access code.
type Street struct{}

// Lamp is the serial of whoever answers where none is looked for.
const Lamp = "01P00A000000077"

// Test finds everything well.
func (Street) Test(_ context.Context, l grove.LAN, _ grove.Secret, _ bool) grove.LANTest {
	t := grove.LANTest{
		Serial: l.Serial, Host: l.Host, Model: "C12", Firmware: "01.08.02.00", Told: []byte(`{"gcode_state":"IDLE","sdcard":true}`),
		Pin: "6f1ed002ab5595859014ebf0951522d9c3a5a2d1d27b4a3e8f6c9b0d1e2f3a4b",
	}
	if t.Serial == "" {
		t.Serial = Lamp
	}
	for _, s := range []grove.LANStep{grove.StepReachable, grove.StepTLS, grove.StepSerial, grove.StepAccessCode} {
		t.Findings = append(t.Findings, grove.LANFinding{Step: s, Verdict: grove.VerdictOK})
	}
	return t
}

// Search finds one.
func (Street) Search(context.Context, grove.LANSearch) ([]grove.FoundPrinter, error) {
	return []grove.FoundPrinter{{Serial: Lamp, Name: "Workshop", Model: "C12", Host: "192.168.1.40", Firmware: "01.08.02.00", Connect: "lan", Bind: "free", Found: "ssdp"}}, nil
}

// Changed has nothing to do.
func (Street) Changed(string) {}

// Alley is where bridges come in and leave at once.
type Alley struct{}

// Carry lets it go.
func (Alley) Carry(_ context.Context, conn net.Conn, _ string, _ grove.BridgeSeen) { _ = conn.Close() }

// BridgeNow knows none.
func (Alley) BridgeNow(string) (grove.BridgeSeen, bool) { return grove.BridgeSeen{}, false }
