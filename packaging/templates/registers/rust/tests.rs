
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_reached_at_their_offsets() {
        let mut memory = [0u32; 128];
        memory[ID.offset() / 4] = ID.at_reset();
        // SAFETY: 512 bytes that outlive the device, which alone touches them while it is in use.
        let core = unsafe { Device::new(memory.as_mut_ptr()) };
        assert_eq!(core.read(ID), 0x4C41_544E);
        core.write(HEAD_KEYS, 2);
        assert_eq!(core.get(head_keys::VALUE), 2);
        assert_eq!(memory[HEAD_KEYS.offset() / 4], 2);
    }

    #[test]
    fn a_field_is_set_between_its_neighbors() {
        let mut memory = [0u32; 128];
        // SAFETY: as above.
        let core = unsafe { Device::new(memory.as_mut_ptr()) };
        core.write(CONTROL, u32::MAX);
        core.set(control::RESET, 0);
        assert_eq!(core.read(CONTROL), !control::RESET.mask());
        assert_eq!(core.get(control::ENABLE), 1);
        core.modify(CONTROL, |word| word & control::ENABLE.mask());
        assert_eq!(core.read(CONTROL), control::ENABLE.mask());
    }

    #[test]
    fn an_error_is_cleared_by_its_own_bit_alone() {
        let mut memory = [0u32; 128];
        // SAFETY: as above.
        let core = unsafe { Device::new(memory.as_mut_ptr()) };
        core.clear(errors::ROW_LONG);
        assert_eq!(core.read(ERRORS), errors::ROW_LONG.mask());
    }
}
