import { expect, test } from 'vitest'
import { isLoopbackAddress, isPublicAddress } from '../../../src/content/public-address.js'

test('public address: takes addresses of the public internet', () => {
  for (const address of [
    '1.1.1.1',
    '93.184.216.34',
    '172.15.0.1',
    '172.32.0.1',
    '2606:4700:4700::1111',
    '2a00::1'
  ]) {
    expect(isPublicAddress(address), address).toBe(true)
  }
})

test('public address: refuses private, local, mapped and reserved ones, and what is no address', () => {
  for (const address of [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    'fe80::1',
    'fd00::1',
    'ff02::1',
    '2002:a00:1::',
    '2001:db8::1',
    'example.org'
  ]) {
    expect(isPublicAddress(address), address).toBe(false)
  }
})

test('public address: knows the machine itself', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopbackAddress)).toBe(true)
  expect(['128.0.0.1', '::2', '10.0.0.1'].some(isLoopbackAddress)).toBe(false)
})
