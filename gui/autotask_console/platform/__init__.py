"""What differs between systems: folders, colours and fonts, the keychain."""
