package sim

import (
	"errors"
	"fmt"
	"slices"
)

// houseCommands are lights, camera and settings.
var houseCommands = map[string]command{
	"system.ledctrl":         (*machine).light,
	"system.set_accessories": (*machine).setNozzleKind,
	"system.set_door_stat": func(m *machine, r request) (extra, error) {
		level, err := r.between("config", 0, doorPauses)
		if err == nil {
			m.settings.doorCheck = level
		}
		return nil, err
	},
	"system.print_cache_set": done,
	"camera.ipcam_record_set": func(m *machine, r request) (extra, error) {
		return nil, choose(&m.settings.record, r.text("control"), "enable", "disable")
	},
	"camera.ipcam_timelapse": func(m *machine, r request) (extra, error) {
		return nil, choose(&m.settings.timelapse, r.text("control"), "enable", "disable")
	},
	"camera.ipcam_resolution_set": func(m *machine, r request) (extra, error) {
		return nil, choose(&m.settings.resolution, r.text("resolution"), "480p", "720p", "1080p", "full")
	},
	"xcam.ipcam_record_set": func(m *machine, r request) (extra, error) {
		return nil, choose(&m.settings.record, r.text("control"), "enable", "disable")
	},
	"system.reboot": func(m *machine, _ request) (extra, error) {
		if m.busy() {
			return nil, errors.New("not while printing")
		}
		m.settings.homed = false
		return nil, nil
	},
	"xcam.xcam_control_set":       (*machine).watch,
	"print.print_option":          (*machine).option,
	"upgrade.upgrade_confirm":     noUpgrade,
	"upgrade.start":               noUpgrade,
	"upgrade.consistency_confirm": done,
}

// doorPauses is the door check in which an open door holds the print; 0 is off, 1 tells only.
const doorPauses = 2

func noUpgrade(*machine, request) (extra, error) {
	return nil, errors.New("there is no newer firmware")
}

// choose sets a setting to one of the words allowed.
func choose(setting *string, word string, allowed ...string) error {
	if !slices.Contains(allowed, word) {
		return fmt.Errorf("%q is none of %q", word, allowed)
	}
	*setting = word
	return nil
}

// light switches a light. Firmware ignores the command unless all four timings are there.
func (m *machine) light(r request) (extra, error) {
	for _, timing := range []string{"led_on_time", "led_off_time", "loop_times", "interval_time"} {
		if _, err := r.number(timing); err != nil {
			return nil, err
		}
	}
	node := r.text("led_node")
	if !slices.Contains(m.looks.lights, node) {
		return nil, fmt.Errorf("there is no light %q", node)
	}
	mode := m.settings.lights[node]
	err := choose(&mode, r.text("led_mode"), "on", "off", "flashing")
	m.settings.lights[node] = mode
	return nil, err
}

func (m *machine) setNozzleKind(r request) (extra, error) {
	if r.text("accessory_type") != "nozzle" {
		return nil, fmt.Errorf("there is no accessory %q", r.text("accessory_type"))
	}
	diameter, err := r.number("nozzle_diameter")
	if err != nil {
		return nil, err
	}
	if diameter < 0.1 || diameter > 1 {
		return nil, errors.New("invalid nozzle_diameter")
	}
	if err := choose(&m.settings.nozzleType, r.text("nozzle_type"), "stainless_steel", "hardened_steel", "tungsten_carbide", "brass", "E3D"); err != nil {
		return nil, err
	}
	m.settings.nozzleDiameter = fmt.Sprint(diameter)
	return nil, nil
}

// watch switches one of the camera's watches.
func (m *machine) watch(r request) (extra, error) {
	name := r.text("module_name")
	for _, w := range watches {
		if w.name == name {
			m.settings.unwatched[name] = !r.flag("control")
			if s := r.text("halt_print_sensitivity"); s != "" {
				return nil, choose(&m.settings.sensitivity, s, "low", "medium", "high", "never_halt")
			}
			return nil, nil
		}
	}
	return nil, fmt.Errorf("there is no watch %q", name)
}

// options are the members of print_option with their bits in home_flag (BambuStudio).
var options = map[string]uint32{
	"auto_recovery": 1 << 4, "auto_switch_filament": 1 << 10, "sound_enable": 1 << 17,
	"filament_tangle_detect": 1 << 20, "nozzle_blob_detect": 1 << 24, "air_print_detect": 1 << 28,
}

func (m *machine) option(r request) (extra, error) {
	found := false
	for name, bit := range options {
		if !r.has(name) {
			continue
		}
		found = true
		m.settings.homeFlag &^= bit
		if r.flag(name) {
			m.settings.homeFlag |= bit
		}
	}
	if !found {
		return nil, errors.New("no option that this printer has")
	}
	return nil, nil
}
