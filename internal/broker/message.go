package broker

import "encoding/binary"

// message is a report on its way to viewers. It is encoded once for each form that
// they want it in, however many they are.
type message struct {
	serial  string
	payload []byte
	packets [4][]byte
}

// encoded gives the PUBLISH packet for a protocol version, with the payload as it
// came or [indented]. Callers share it and must not change it.
func (m *message) encoded(v5, indent bool) []byte {
	form := 0
	if v5 {
		form |= 1
	}
	if indent {
		form |= 2
	}
	if m.packets[form] == nil {
		payload := m.payload
		if indent {
			payload = indented(payload)
		}
		m.packets[form] = publish(devicePrefix+m.serial+reportSuffix, payload, v5)
	}
	return m.packets[form]
}

// publish encodes a PUBLISH packet of QoS 0, not retained and without properties.
func publish(topic string, payload []byte, v5 bool) []byte {
	length := 2 + len(topic) + len(payload)
	if v5 {
		length++
	}
	p := make([]byte, 0, length+5)
	p = append(p, 3<<4)
	p = binary.AppendUvarint(p, uint64(length))              // MQTT's variable byte integer has the same form
	p = binary.BigEndian.AppendUint16(p, uint16(len(topic))) //nolint:gosec // topics are far shorter than 64 KiB
	p = append(p, topic...)
	if v5 {
		p = append(p, 0) // no properties
	}
	return append(p, payload...)
}
