package fleet

import (
	"context"
	"log/slog"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// overLink asks a printer whose link is up for everything, and keeps what it told.
func (f *Fleet) overLink(ctx context.Context, serial string, t *grove.LANTest) {
	u, err := f.unit(serial)
	if err != nil {
		return
	}
	if err := f.Refresh(ctx, serial); err != nil {
		f.Log.Debug("printer told nothing", slog.String("printer", serial), slog.Any("error", err))
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	t.Told, t.Model, t.Firmware = u.state.JSON(), u.printer.Model, u.printer.Firmware
}

// judge adds to a test the steps that are read from what the printer told.
func judge(t *grove.LANTest) {
	add := func(s grove.LANStep, f grove.LANFinding) {
		f.Step = s
		t.Findings = append(t.Findings, f)
	}
	skipped := grove.LANFinding{Verdict: grove.VerdictSkipped}
	told, err := bambu.LoadState(t.Told)
	if _, failed := t.Failed(); failed {
		add(grove.StepPublishing, skipped)
	} else if err != nil {
		add(grove.StepPublishing, grove.LANFinding{
			Verdict: grove.VerdictFailed, Reason: "printer_silent", Found: "the printer let us in and then did not tell its state within 10 s",
			Advice: "switch it off and on; some firmwares fall silent, above all with several clients connected",
		})
	} else {
		add(grove.StepPublishing, grove.LANFinding{Verdict: grove.VerdictOK, Found: "it tells its whole state"})
		add(grove.StepDeveloper, developer(told))
		add(grove.StepStorage, storage(told))
		return
	}
	add(grove.StepDeveloper, skipped)
	add(grove.StepStorage, skipped)
}

func developer(s *bambu.State) grove.LANFinding {
	signed, known := s.Signed()
	switch {
	case !known:
		return grove.LANFinding{
			Verdict: grove.VerdictUnknown, Found: "this model does not say whether Developer Mode is on",
			Advice: "it shows at the first command: if the answer is that the message could not be verified, switch Developer Mode on at the printer's screen",
		}
	case signed:
		return grove.LANFinding{
			Verdict: grove.VerdictFailed, Reason: "developer_mode_off", Found: "Developer Mode is off, so the printer takes commands of its maker's programs only",
			Advice: developerWay,
		}
	}
	return grove.LANFinding{Verdict: grove.VerdictOK, Found: "Developer Mode is on"}
}

func storage(s *bambu.State) grove.LANFinding {
	state, known := s.Storage()
	bad := func(reason, found, advice string) grove.LANFinding {
		return grove.LANFinding{Verdict: grove.VerdictFailed, Reason: reason, Found: found, Advice: advice}
	}
	switch {
	case !known:
		return grove.LANFinding{Verdict: grove.VerdictUnknown, Found: "the printer does not say whether there is a card or stick"}
	case state == bambu.StorageNone:
		return bad("no_storage", "there is no card or stick in the printer, and prints are stored on it", "put one in, formatted by the printer")
	case state == bambu.StorageBad:
		return bad("storage_bad", "the printer can't use its card or stick", "format it at the printer's screen, or put in another")
	case state == bambu.StorageReadOnly:
		return bad("storage_read_only", "the printer's card or stick can't be written to", "move its lock, or format it at the printer's screen")
	}
	return grove.LANFinding{Verdict: grove.VerdictOK, Found: "there is a card or stick"}
}
