package bambu_test

import (
	"testing"

	"github.com/grovecloud/grove/bambu"
)

func TestAModelIsFoundByAnyOfItsNames(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"C12": "C12", "c12": "C12", "P1S": "C12", "p1s": "C12", "Bambu Lab P1S": "C12",
		"BL-P001": "BL-P001", "bl-p001": "BL-P001", "X1C": "BL-P001", "X1 Carbon": "BL-P001", "x1-carbon": "BL-P001",
		"3DPrinter-X1-Carbon": "BL-P001", "Bambu Lab X1 Carbon": "BL-P001",
		"X1": "BL-P002", "3DPrinter-X1": "BL-P002", "X1E": "C13", "P1P": "C11",
		"A1 mini": "N1", "A1MINI": "N1", "a1_mini": "N1", "A1": "N2S", "N2S": "N2S", "A2L": "N9",
		"P2S": "N7", "N7-V2": "N7", "X2D": "N6", "H2D": "O1D", "H2D Pro": "O1E", "H2DPRO": "O1E",
		"H2C": "O1C", "O1C2": "O1C", "H2S": "O1S",
	} {
		m, ok := bambu.LookupModel(name)
		if !ok || m.Code != code {
			t.Errorf("%q is %q (%v), want %s", name, m.Code, ok, code)
		}
	}
}

func TestAnUnknownModelIsNotFound(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "-", "P3S", "Bambu Lab", "C1", "printer"} {
		if m, ok := bambu.LookupModel(name); ok {
			t.Errorf("%q is %s", name, m.Code)
		}
	}
}

func TestEveryModelIsWholeAndItsNamesAreItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, m := range bambu.Models() {
		if m.NozzleMax < 300 || m.BedMax < 80 || m.Nozzles < 1 || !m.PartFan || m.MainBoard == "" || m.Volume[2] == 0 ||
			m.SerialPrefix == "" || m.Structure == "" || m.AMS == "" {
			t.Errorf("%s lacks something: %+v", m.Code, m)
		}
		for _, name := range []string{m.Code, m.Name, m.Product} {
			found, ok := bambu.LookupModel(name)
			if !ok || found != m {
				t.Errorf("%q finds %s, want %s", name, found.Code, m.Code)
			}
			if other := seen[name]; other != "" {
				t.Errorf("%s and %s are both called %q", other, m.Code, name)
			}
			seen[name] = m.Code
		}
	}
}

func TestNobodyChangesTheTableOfModels(t *testing.T) {
	t.Parallel()
	bambu.Models()[0].NozzleMax = 9999
	if m := bambu.Models()[0]; m.NozzleMax == 9999 {
		t.Error("a caller could raise a limit for everyone")
	}
}

func TestTheFallbackIsNoHotterThanAnOrdinaryPrinter(t *testing.T) {
	t.Parallel()
	m := bambu.Fallback()
	if m.NozzleMax != 300 || m.BedMax != 100 || m.ChamberMin != 0 || m.ChamberMax != 60 || !m.PartFan || !m.AuxFan || !m.ChamberFan {
		t.Errorf("%+v", m)
	}
}
