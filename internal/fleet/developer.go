package fleet

import (
	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// developerWay is what to do about a printer that takes commands of its maker's
// programs only.
const developerWay = "switch Developer Mode on at the printer's screen: in its network settings LAN Only first, then Developer Mode below it; " +
	"then give Grove the access code that it shows (grove printers pair SERIAL --new-code). Until then it can be watched and not controlled"

// developer says whether the printer takes commands without its maker's signature: as
// it says itself, else as it answered since it was bound or paired. The caller holds u.mu.
func (u *unit) developer() grove.DeveloperMode {
	signed, known := u.state.Signed()
	switch {
	case known && signed:
		return grove.DeveloperOff
	case known:
		return grove.DeveloperOn
	case u.answered != "":
		return u.answered
	}
	return grove.DeveloperUnknown
}

// learnDeveloper reads Developer Mode from the answer to a command that needs it:
// printers ask for signatures below print alone (OpenBambuAPI). The caller holds u.mu.
func (u *unit) learnDeveloper(r bambu.Request, report bambu.Report) {
	switch {
	case report.Class != "print" || r.Kind() == bambu.KindRead || report.Result == "":
	case report.Unverified():
		u.answered = grove.DeveloperOff
	default: // also a refusal for another reason: what is not signed is not looked at
		u.answered = grove.DeveloperOn
	}
}

// why is what a person reads of a reply that refuses: the printer's own error, and the
// way out where there is one.
func why(r bambu.Report) string {
	words := r.Why()
	if r.Unverified() {
		words += "; " + developerWay
	}
	return words
}

// silent says why a printer that answered nothing may have had a reason: some firmware
// drops what is not signed without a word.
func (f *Fleet) silent(serial string) string {
	u, err := f.unit(serial)
	if err != nil {
		return ""
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.developer() == grove.DeveloperOff {
		return "Developer Mode is off, and the printer answers nothing; " + developerWay
	}
	return ""
}
