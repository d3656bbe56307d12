package server

import (
	"errors"
	"fmt"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
)

// Whoever may name addresses could let the server guess at a neighbour's printer.
func TestWrongCodesForAPrinterByItsAddressAreGuesses(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(h *house, in cloudapi.LANRequest) error{
		"without its serial": func(h *house, in cloudapi.LANRequest) error {
			_, err := h.client.AddPrinter(t.Context(), in)
			return err
		},
		"with its serial": func(h *house, in cloudapi.LANRequest) error {
			in.Serial = bench
			_, err := h.client.AddPrinter(t.Context(), in)
			return err
		},
		"kept by force, and paired": func(h *house, in cloudapi.LANRequest) error {
			if _, err := h.client.Printer(t.Context(), bench); err != nil {
				forced := in
				forced.Serial, forced.Force, forced.AccessCode = bench, true, "00000000"
				if _, err := h.client.AddPrinter(t.Context(), forced); err != nil {
					return err
				}
			}
			_, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: in.AccessCode})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := owned(t, lanConfig(t))
			in, refused := request(h.onLAN()), 0
			for n := range 12 {
				in.AccessCode = grove.Secret(fmt.Sprintf("%08d", n+1))
				err := add(h, in)
				if grove.HasReason(err, "access_code_refused") {
					refused++
				} else if !errors.Is(err, grove.Limited) {
					t.Fatalf("wrong code %d: %v", n, err)
				}
			}
			if refused > 10 || refused < 9 { // what was kept by force was one as well
				t.Errorf("the printer heard %d wrong codes", refused)
			}
			in.AccessCode = lanCode
			if err := add(h, in); !errors.Is(err, grove.Limited) {
				t.Errorf("then the right one: %v", err)
			}
		})
	}
}

func TestWhoseOwnPrinterLetThemInMistypesFreely(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	h.add(h.onLAN())
	h.connected(bench)
	for range 12 {
		if _, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: "87654321"}); !grove.HasReason(err, "access_code_refused") {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if _, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: lanCode}); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestAPrinterOfSomebodyElseIsToldNoCode(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN(func(c *sim.Config) { c.Serial = "01P00A000000002" })
	h.add(p)
	bob := h.guest()
	must(h.client.SetRole(t.Context(), h.userID(bob), grove.Admin))(t)
	in := request(p)
	in.AccessCode = "87654321"
	for n := range 12 {
		_, err := bob.AddPrinter(t.Context(), in)
		if want := "printer_bound"; n < 10 && !grove.HasReason(err, want) || n >= 10 && !errors.Is(err, grove.Limited) {
			t.Fatalf("wrong code %d: %v", n, err)
		}
	}
}
